import type { ConnectionRequest } from "../handshake/request.ts";

/** The greatest number of origins of which a server warns. */
const MAX_ORIGINS = 20;

/** Characters of a header that a warning has. The client chooses the header. */
const MAX_LENGTH = 200;

/** Warns of each origin that is refused, once. A browser tells its page nothing about the reason. */
export class OriginWarnings {
  readonly #warned = new Set<string>();

  /** The origin of this request is not allowed. */
  onRefused({ headers }: ConnectionRequest): void {
    const origin = quote(headers["origin"]);
    if (this.#warned.has(origin) || this.#warned.size === MAX_ORIGINS) return;
    this.#warned.add(origin);
    process.emitWarning(
      `A page of the origin ${origin} was refused (HTTP 403). The request's Host is ${quote(headers["host"])}. ` +
        `To allow the page, use the option origins: ["same", ${origin}]. ` +
        "If a proxy has changed the Host, keep it there: in nginx, proxy_set_header Host $http_host;",
      { type: "HawserWarning", code: "HWS_ORIGIN_REFUSED" },
    );
  }
}

/** A header as JSON: it cannot end a line or colour a terminal. */
function quote(header: string | readonly string[] | undefined): string {
  return JSON.stringify(String(header ?? "").slice(0, MAX_LENGTH)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
