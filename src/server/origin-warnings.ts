import type { RelayedRequest } from "../handshake/request.ts";
import { type OriginRule, exactOrigin } from "../handshake/rules/origin.ts";
import { hostClaims } from "../handshake/rules/public-host.ts";
import { Warnings } from "../util/warnings.ts";

/** Characters of a header that a warning has. The client chooses the header. */
const MAX_LENGTH = 300;

/** What a browser sends: a host has at most 253 characters, in ASCII. */
const PLAIN = /^[!-~]{1,300}$/;

/** Warns of each origin that is refused, once. A browser tells its page nothing about the reason. */
export class OriginWarnings {
  readonly #warnings = new Warnings(Infinity);
  readonly #rule: OriginRule;

  /** @param rule the server's */
  constructor(rule: OriginRule) {
    this.#rule = rule;
  }

  /** The origin of this request is not allowed. */
  onRefused(request: RelayedRequest): void {
    const origin = request.headers.origin ?? "";
    this.#warnings.warn(quote(origin), {
      code: "HWS_ORIGIN_REFUSED",
      text: () =>
        `A page of the origin ${quote(origin)} was refused (HTTP 403). ${comparedWith(request)}${this.#adviceFor(origin, request)}`,
    });
  }

  /** What allows the page. Nothing that allows other pages too may be proposed: it is pasted. */
  #adviceFor(origin: string, request: RelayedRequest): string {
    if (this.#rule.isFunction === true)
      return `The function of the option origins has refused it. ${proxyAdvice(request)}`;
    if (origin === "null")
      return "Any page can have this origin, in a sandboxed frame. Do not allow it unless you know why.";
    const exact = PLAIN.test(origin) ? exactOrigin(origin) : undefined;
    if (exact === undefined) return "It is not the plain origin of a page: no value of the option origins is proposed.";
    return `To allow the page, add ${quote(exact)} to the option origins. ${proxyAdvice(request)}`;
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
function quote(header: string): string {
  return JSON.stringify(header.slice(0, MAX_LENGTH)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
