import type { ConnectionRequest } from "../handshake/request.ts";
import { Warnings } from "../util/warnings.ts";

/** Characters of a header that a warning has. The client chooses the header. */
const MAX_LENGTH = 200;

/** Warns of each origin that is refused, once. A browser tells its page nothing about the reason. */
export class OriginWarnings {
  readonly #warnings = new Warnings(Infinity);

  /** The origin of this request is not allowed. */
  onRefused({ headers }: ConnectionRequest): void {
    const origin = quote(headers["origin"]);
    this.#warnings.warn(origin, {
      code: "HWS_ORIGIN_REFUSED",
      text: () =>
        `A page of the origin ${origin} was refused (HTTP 403). The request's Host is ${quote(headers["host"])}. ` +
        `To allow the page, use the option origins: ["same", ${origin}]. ` +
        "If a proxy has changed the Host, keep it there: in nginx, proxy_set_header Host $http_host;",
    });
  }
}

/** A header as JSON: it cannot end a line or colour a terminal. */
function quote(header: string | readonly string[] | undefined): string {
  return JSON.stringify(String(header ?? "").slice(0, MAX_LENGTH)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
