import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";

/** RFC 6455 5.5: a control frame has at most 125 bytes, two of which are the code. */
const MAX_REASON = 123;

/**
 * The code with which a client closes: as in browsers 1000, or one of the application. Default 1000.
 *
 * @param name is put before the message of an error, e.g. `"close: code"`
 * @throws {InvalidArgumentError} when it is not a number
 * @throws {OutOfRangeError} for any other code
 */
export function readClientCode(name: string, code: unknown): number {
  if (code === undefined) return 1000;
  if (typeof code !== "number") throw new InvalidArgumentError(`${name}: expected a number, got ${kindOf(code)}`);
  if (code === 1000 || (Number.isInteger(code) && code >= 3000 && code <= 4999)) return code;
  throw new OutOfRangeError(`${name}: expected 1000 or 3000 to 4999, got ${String(code)}`);
}

/**
 * Checks the reason of a close frame.
 *
 * @throws {InvalidArgumentError} when it is not a string
 * @throws {OutOfRangeError} when it is too long
 */
export function readReason(name: string, reason: unknown): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason !== "string") throw new InvalidArgumentError(`${name}: expected a string, got ${kindOf(reason)}`);
  // A text of 16 MiB need not be encoded for this.
  if (reason.length <= MAX_REASON && new TextEncoder().encode(reason).length <= MAX_REASON) return reason;
  throw new OutOfRangeError(`${name}: expected at most 123 bytes of UTF-8`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
