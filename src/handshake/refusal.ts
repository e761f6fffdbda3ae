import { STATUS_CODES } from "node:http";

import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { type ResponseHeaders, checkedRefusalHeaders } from "./response-headers.ts";

/** The words for why a client was refused. `wss.counters.refused` has a number for each. `docs/limits.md` explains them. */
export const refusalReasons = [
  "origin",
  "path",
  "method",
  "version",
  "malformed",
  "headers",
  "limit",
  "handler",
  "error",
  "timeout",
  "shutdown",
  "tls",
] as const;

/** Why a client was refused. */
export type RefusalReason = (typeof refusalReasons)[number];

/** An HTTP answer that is sent instead of opening a connection. Made by `refuse`. */
export class Refusal {
  /** The HTTP status, 300 to 599. */
  readonly status: number;
  /** The body, sent as plain text. */
  readonly body: string;
  /** Headers in addition to those that every refusal has. */
  readonly headers: ResponseHeaders;
  /** Why the client is refused: `"handler"` for a refusal that `refuse` made. */
  readonly reason: RefusalReason;

  /** Use `refuse`, which checks its arguments. */
  constructor(status: number, body: string, headers: ResponseHeaders = {}, reason: RefusalReason = "handler") {
    this.status = status;
    this.body = body;
    this.headers = headers;
    this.reason = reason;
  }
}

/**
 * Refuses a client. Return it from `onConnection` instead of a handler when HTTP 403 does not say enough.
 *
 * @param status an HTTP status from 300 to 599
 * @param body one line that gives the reason; default: the name of the status
 * @param headers e.g. `{ "WWW-Authenticate": "Bearer" }`
 * @throws {OutOfRangeError} for another status
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
 * @example
 * onConnection(wss: WebSocketServer, event: WSConnectionEvent) {
 *   if (event.request.query["token"] !== secret) return refuse(401, "Sign in first.");
 *   return new Member();
 * }
 */
export function refuse(status: number, body?: string, headers: ResponseHeaders = {}): Refusal {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new OutOfRangeError(
      `refuse: status: expected an integer from 300 to 599, got ${typeof (status as unknown) === "string" ? JSON.stringify(status) : String(status)}`,
    );
  }
  if (body !== undefined && typeof body !== "string") throw new InvalidArgumentError("refuse: body: expected a string");
  return new Refusal(status, body ?? nameOfStatus(status), checkedRefusalHeaders(headers));
}

/** The reason phrase of a status. */
export function nameOfStatus(status: number): string {
  return STATUS_CODES[status] ?? "Refused";
}
