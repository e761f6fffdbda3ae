import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { CloseCode, fitsReason, isSendableCode } from "../protocol/close-frame.ts";

/** The arguments of `terminate` as one object. */
export interface TerminateOptions {
  /** The close code. One of 3000 or less that must not be sent closes without a code. */
  readonly code?: number | undefined;
  /** The reason. It is sent only with codes above 3000. */
  readonly message?: string | undefined;
}

/** A close frame of the application's. */
export interface CloseArguments {
  /** The code; undefined: the frame has none. */
  readonly code: number | undefined;
  /** The reason. */
  readonly reason: string | undefined;
}

/** 4D: the reason is sent only with a code above this. */
const REASON_ABOVE_CODE = 3000;

/** The largest close code (RFC 6455 7.4.2). */
const MAX_CODE = 4999;

/**
 * Checks the arguments of `terminate`, and returns what is sent.
 *
 * @throws {InvalidArgumentError} for arguments of another type
 * @throws {OutOfRangeError} for a code that is no integer or above 4999, or a message that is too long
 */
export function readTerminate(
  code: number | TerminateOptions | undefined,
  message: string | undefined,
): CloseArguments {
  const options: TerminateOptions =
    typeof code === "object" && (code as unknown) !== null ? code : { code: code as number | undefined, message };
  // A getter may return something else the second time, and may throw: the message is read only if it is sent.
  const { code: closeCode } = options;
  checkTerminateCode(closeCode);
  if (closeCode === undefined || closeCode <= REASON_ABOVE_CODE)
    return { code: closeCode !== undefined && isSendableCode(closeCode) ? closeCode : undefined, reason: undefined };
  const { message: reason } = options;
  checkReason("terminate: message", reason);
  return { code: closeCode, reason };
}

/**
 * Checks the arguments of `close`, and returns the code to send.
 *
 * @throws {InvalidArgumentError} for arguments of another type
 * @throws {OutOfRangeError} for a code that must not be sent, or a reason that is too long
 */
export function readCloseCode(code: number | undefined, reason: string | undefined): number | undefined {
  checkSendableCode("close: code", code);
  checkReason("close: reason", reason);
  // As in browsers: a reason has no place in a close frame without a code (RFC 6455 5.5.1).
  return code ?? (reason === undefined || reason === "" ? undefined : CloseCode.normal);
}

/**
 * Checks the code of a close frame.
 *
 * @throws {InvalidArgumentError} when it is not a number
 * @throws {OutOfRangeError} when it must not be sent
 */
export function checkSendableCode(name: string, code: unknown): asserts code is number | undefined {
  checkNumber(name, code);
  if (code === undefined || isSendableCode(code)) return;
  throw new OutOfRangeError(
    `${name}: expected 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 7.4), got ${String(code)}`,
  );
}

/** 4D: the code is an integer up to 4999. */
function checkTerminateCode(code: unknown): asserts code is number | undefined {
  checkNumber("terminate: code", code);
  if (code !== undefined && !(Number.isInteger(code) && code <= MAX_CODE))
    throw new OutOfRangeError(`terminate: code: expected an integer up to ${String(MAX_CODE)}, got ${String(code)}`);
}

function checkNumber(name: string, code: unknown): asserts code is number | undefined {
  if (code !== undefined && typeof code !== "number")
    throw new InvalidArgumentError(`${name}: expected a number, got ${code === null ? "null" : typeof code}`);
}

/**
 * Checks the reason of a close frame.
 *
 * @throws {InvalidArgumentError} when it is not a string
 * @throws {OutOfRangeError} when it is too long
 */
export function checkReason(name: string, reason: unknown): asserts reason is string | undefined {
  if (reason === undefined) return;
  if (typeof reason !== "string")
    throw new InvalidArgumentError(`${name}: expected a string, got ${reason === null ? "null" : typeof reason}`);
  if (!fitsReason(reason)) throw new OutOfRangeError(`${name}: expected at most 123 bytes of UTF-8`);
}
