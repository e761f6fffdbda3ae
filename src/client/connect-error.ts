import { HawserError } from "../errors/errors.ts";
import { type ErrorCode, errorTable } from "../errors/table.ts";
import type { DialStage } from "./verdict.ts";

/** What is known of a dial that failed. */
export interface ConnectErrorDetails {
  /** Where it failed. */
  readonly stage: DialStage;
  /** The HTTP status, if the server or the proxy has answered. */
  readonly status?: number | undefined;
  /** The headers of the answer. */
  readonly headers?: Headers | undefined;
  /** The first KiB of the answer's body, as text. */
  readonly body?: string | undefined;
  /** What failed. */
  readonly cause?: unknown;
}

/** A client could not connect. Tell the reasons apart by `code`, `stage` and `status`. */
export class ConnectError extends HawserError {
  override readonly name = "ConnectError";
  /** Where it failed. In a browser the platform does not tell: it is `"tcp"` then. */
  readonly stage: DialStage;
  /** The HTTP status, if the server or the proxy has answered. */
  readonly status: number | undefined;
  /** The headers of the answer. */
  readonly headers: Headers | undefined;
  /** The first KiB of the answer's body, as text. */
  readonly body: string | undefined;

  /**
   * @param code one of the codes in the error table
   * @param detail is added to the table's text
   */
  constructor(
    code: ErrorCode,
    detail: string | undefined,
    { stage, status, headers, body, cause }: ConnectErrorDetails,
  ) {
    super(code, detail, cause === undefined ? undefined : { cause });
    this.stage = stage;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** The same error, with a text before its detail: the URL of the dial without user and password, or the name of a function. */
export function prefixed(text: string, error: ConnectError): ConnectError {
  const { code, message, stage, status, headers, body, cause } = error;
  const afterText = message.slice(errorTable[code].message.length);
  return new ConnectError(code, text + afterText, { stage, status, headers, body, cause });
}
