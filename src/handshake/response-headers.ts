import { validateHeaderName, validateHeaderValue } from "node:http";

import { InvalidArgumentError } from "../errors/errors.ts";

/** Headers of an answer. An array stands for several headers of the same name. */
export type ResponseHeaders = Readonly<Record<string, string | number | readonly string[]>>;

/** Headers that describe how the answer is framed. Only the library sets them. */
const FRAMING: ReadonlySet<string> = new Set(["connection", "content-length", "transfer-encoding", "upgrade"]);

/** Headers of the WebSocket handshake begin with this. */
const HANDSHAKE_PREFIX = "sec-websocket-";

/**
 * Checks the headers of a refusal.
 *
 * @returns a copy, so that what is sent is what was checked
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
 */
export function checkedRefusalHeaders(headers: ResponseHeaders): ResponseHeaders {
  return checkedHeaders("refuse", headers, (name) => FRAMING.has(name));
}

/**
 * Checks the extra headers of a 101 answer.
 *
 * @returns a copy, so that what is sent is what was checked
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
 */
export function checkedAcceptHeaders(headers: ResponseHeaders): ResponseHeaders {
  return checkedHeaders("responseHeaders", headers, (name) => FRAMING.has(name) || name.startsWith(HANDSHAKE_PREFIX));
}

/** Header lines as HTTP/1.1 text, each with its line end. */
export function serializeHeaders(headers: ResponseHeaders): string {
  let lines = "";
  for (const [name, value] of Object.entries(headers)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [String(value)];
    for (const one of values) lines += `${name}: ${one}\r\n`;
  }
  return lines;
}

function checkedHeaders(method: string, headers: unknown, isReserved: (name: string) => boolean): ResponseHeaders {
  if (typeof headers !== "object" || headers === null)
    throw new InvalidArgumentError(`${method}: headers: expected an object`);
  const checked = Object.entries(headers).map(([name, value]) => {
    if (isReserved(name.toLowerCase()))
      throw new InvalidArgumentError(`${method}: headers: ${name} is set by the library`);
    return [name, checkedValue(method, name, value)] as const;
  });
  return Object.fromEntries(checked);
}

function checkedValue(method: string, name: string, value: unknown): string | readonly string[] {
  const values: unknown[] = Array.isArray(value)
    ? [...(value as unknown[])]
    : [typeof value === "number" ? String(value) : value];
  try {
    validateHeaderName(name);
    for (const one of values) validateHeaderValue(name, mustBeString(one));
  } catch (cause) {
    throw new InvalidArgumentError(`${method}: headers: ${JSON.stringify(name)} or its value is not allowed in HTTP`, {
      cause,
    });
  }
  return Array.isArray(value) ? (values as string[]) : (values[0] as string);
}

function mustBeString(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("expected a string, a number or a list of strings");
  return value;
}
