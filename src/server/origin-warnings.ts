import type { RelayedRequest } from "../handshake/request.ts";
import { hostClaims } from "../handshake/rules/public-host.ts";
import { Warnings } from "../util/warnings.ts";

/** Characters of a header that a warning has. The client chooses the header. */
const MAX_LENGTH = 200;

/** Warns of each origin that is refused, once. A browser tells its page nothing about the reason. */
export class OriginWarnings {
  readonly #warnings = new Warnings(Infinity);

  /** The origin of this request is not allowed. */
  onRefused(request: RelayedRequest): void {
    const origin = quote(request.headers.origin);
    this.#warnings.warn(origin, {
      code: "HWS_ORIGIN_REFUSED",
      text: () =>
        `A page of the origin ${origin} was refused (HTTP 403). ${comparedWith(request)}` +
        `To allow the page, use the option origins: ["same", ${origin}]. ${proxyAdvice(request)}`,
    });
  }
}

/** The headers that `origins: "same"` compares with the origin. */
function comparedWith(request: RelayedRequest): string {
  const claims = hostClaims(request).map(({ header, part, value }) => {
    const name = header === "Forwarded" ? `Forwarded (${part})` : header;
    return `${name} is ${value === undefined ? "missing or malformed" : quote(value)}`;
  });
  return `The request's ${claims.join(", its ")}. `;
}

/** The line that makes a proxy tell the host. */
function proxyAdvice(request: RelayedRequest): string {
  const told = hostClaims(request).filter(({ header }) => header !== "Host");
  const chain = told.length > 0 ? " With several proxies, each must pass on what the first one has told." : "";
  if (told.some(({ part }) => part === "host"))
    return `If a proxy has not told the host, let it: in nginx, proxy_set_header X-Forwarded-Host $http_host;${chain}`;
  const ignored =
    request.isFromTrustedProxy !== true && request.headers["x-forwarded-host"] !== undefined
      ? "Its X-Forwarded-Host is ignored: the option trustProxy does not name who has sent it. "
      : "";
  return `${ignored}If a proxy has changed the Host, keep it there: in nginx, proxy_set_header Host $http_host;${chain}`;
}

/** A header as JSON: it cannot end a line or colour a terminal. */
function quote(header: string | readonly string[] | undefined): string {
  return JSON.stringify(String(header ?? "").slice(0, MAX_LENGTH)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
