import { HawserError } from "../errors/errors.ts";

/** The server has refused the handshake with an HTTP status. Its `code` is `HWS_REFUSED`. */
export class RefusedError extends HawserError {
  override readonly name = "RefusedError";
  /** The HTTP status, e.g. 403. */
  readonly status: number;
  /** The headers of the answer. */
  readonly headers: Headers;
  /** The text of the answer, without the line break at its end. */
  readonly body: string;

  /** Made by `connect`. */
  constructor(status: number, headers: Headers, body: string) {
    super("HWS_REFUSED", `${String(status)} ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}
