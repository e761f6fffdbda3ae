import { type ErrorCode, type ProtocolErrorCode, errorTable } from "./table.ts";

/** An error that the library makes. Tell them apart by `code`: the message is for people and may change. */
export class HawserError extends Error {
  override readonly name: string = "HawserError";
  /** Stable: one of the codes in the error table (`docs/errors.md`). */
  readonly code: ErrorCode;
  /** The number that 4D's `errors[]` carries. */
  readonly errCode: number;
  /** The part of the library it comes from, as four letters. */
  readonly componentSignature: string;

  /**
   * @param code one of the codes in the error table
   * @param detail is added to the table's text
   * @param options may carry the `cause`
   */
  constructor(code: ErrorCode, detail?: string, options?: { readonly cause?: unknown }) {
    const row = errorTable[code];
    super(detail === undefined ? row.message : `${row.message}: ${detail}`, options);
    this.code = code;
    this.errCode = row.errCode;
    this.componentSignature = row.componentSignature;
  }
}

/**
 * Calls `make`. Errors that are made meanwhile, which the peer caused, have no stack: the place in this library where it was noticed is of no use, and a peer
 * that breaks many connections must not cost more than others (0.95 times the CPU of a handshake that ends in a reset).
 */
export function withoutStack<Result>(make: () => Result): Result {
  const limit: unknown = Reflect.get(Error, "stackTraceLimit");
  // If `Error` is frozen, this does nothing.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", limit);
  }
}

/** An error of the library as it is; anything else, such as the platform's for memory that it refuses, as `HWS_INTERNAL`. */
export function asHawserError(cause: unknown): HawserError {
  return cause instanceof HawserError ? cause : new HawserError("HWS_INTERNAL", undefined, { cause });
}

/** A connection's stream has failed: the library's own error as it is, any other as `HWS_STREAM_FAILED`. */
export function streamError(cause: Error): HawserError {
  if (cause instanceof HawserError) return cause;
  return withoutStack(() => new HawserError("HWS_STREAM_FAILED", cause.message, { cause }));
}

/** A callback has thrown `cause`, which may be anything. It has its own stack, if it has one. */
export function handlerError(cause: unknown): HawserError {
  return withoutStack(() => new HawserError("HWS_HANDLER_FAILED", undefined, { cause }));
}

/** The peer broke RFC 6455. The connection is failed with `closeCode` (RFC 6455 7.1.7). */
export class ProtocolError extends HawserError {
  override readonly name = "ProtocolError";
  /** What the peer is told: 1002, 1007 or 1009 (RFC 6455 7.4.1). */
  readonly closeCode: number;

  /**
   * @param code one of the protocol's codes in the error table
   * @param detail is added to the table's text
   */
  constructor(code: ProtocolErrorCode, detail?: string) {
    super(code, detail);
    this.closeCode = errorTable[code].closeCode;
  }
}

/** An argument or option has a wrong type. `message` says what was expected. */
export class InvalidArgumentError extends TypeError {
  override readonly name = "InvalidArgumentError";
  /** Stable. */
  readonly code = "HWS_INVALID_ARGUMENT" as const satisfies ErrorCode;
}

/** An argument or option is out of range. `message` says what was expected. */
export class OutOfRangeError extends RangeError {
  override readonly name = "OutOfRangeError";
  /** Stable. */
  readonly code = "HWS_OUT_OF_RANGE" as const satisfies ErrorCode;
}

/** Whether something that was thrown has one of our codes. It may be any value. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return (error as { readonly code?: unknown } | null | undefined)?.code === code;
}
