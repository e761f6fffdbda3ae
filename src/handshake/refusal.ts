import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";

import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";

/** Headers of an answer; an array stands for several of the same name. */
export type ResponseHeaders = Readonly<Record<string, string | number | readonly string[]>>;

/** An HTTP answer instead of a connection. Made by `refuse`. */
export class Refusal {
  /** The HTTP status, 300 to 599. */
  readonly status: number;
  /** The body, sent as plain text. */
  readonly body: string;
  /** Headers beside those that every refusal has. */
  readonly headers: ResponseHeaders;

  /** Use `refuse`, which checks what it is given. */
  constructor(status: number, body: string, headers: ResponseHeaders = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Headers that say how the answer is framed: they are ours to set. */
const FRAMING = new Set(["connection", "content-length", "transfer-encoding", "upgrade"]);

/**
 * Refuses a client: what `onConnection` returns instead of a handler when 403 does not say enough.
 *
 * @param status an HTTP status from 300 to 599
 * @param body one line that says why; default: the status's own name
 * @param headers e.g. `{ "WWW-Authenticate": "Bearer" }`
 * @throws {OutOfRangeError} for another status
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that is ours to set
 * @example
 * onConnection(wss: WebSocketServer, event: ConnectionEvent) {
 *   if (event.request.query["token"] !== secret) return refuse(401, "Sign in first.");
 *   return new Member();
 * }
 */
export function refuse(status: number, body?: string, headers: ResponseHeaders = {}): Refusal {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new OutOfRangeError(`refuse: status: expected an integer from 300 to 599, got ${String(status)}`);
  }
  if (body !== undefined && typeof body !== "string") throw new InvalidArgumentError("refuse: body: expected a string");
  return new Refusal(status, body ?? nameOfStatus(status), checkedHeaders(headers));
}

/** The reason phrase of a status. */
export function nameOfStatus(status: number): string {
  return STATUS_CODES[status] ?? "Refused";
}

/** A copy, so that what is sent is what was checked. */
function checkedHeaders(headers: ResponseHeaders): ResponseHeaders {
  if (typeof headers !== "object" || (headers as unknown) === null)
    throw new InvalidArgumentError("refuse: headers: expected an object");
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, checkedValue(name, value)]));
}

function checkedValue(name: string, value: unknown): string | readonly string[] {
  if (FRAMING.has(name.toLowerCase())) throw new InvalidArgumentError(`refuse: headers: ${name} is set by the library`);
  const values: unknown[] = Array.isArray(value)
    ? [...(value as unknown[])]
    : [typeof value === "number" ? String(value) : value];
  try {
    validateHeaderName(name);
    for (const one of values) validateHeaderValue(name, mustBeString(one));
  } catch (cause) {
    throw new InvalidArgumentError(`refuse: headers: ${JSON.stringify(name)} or its value is not allowed in HTTP`, {
      cause,
    });
  }
  return Array.isArray(value) ? (values as string[]) : (values[0] as string);
}

function mustBeString(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("expected a string, a number or a list of strings");
  return value;
}
