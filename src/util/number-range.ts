import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";

/** The values that an option may have. They are integers. */
export interface Range {
  /** The least value. */
  readonly min: number;
  /** The default. */
  readonly default: number;
  /** The greatest value. */
  readonly max: number;
  /** Whether Infinity is allowed, which removes the limit. */
  readonly allowsInfinity: boolean;
}

/** The longest time of a timer, in milliseconds. */
export const MAX_TIMEOUT: number = 2 ** 31 - 1;
/** Bytes of a kibibyte. */
export const KIB = 1024;

/** Bytes of a mebibyte. */
export const MIB: number = 1024 * KIB;

/** A finite number of milliseconds. */
export function time(value: number): Range {
  return { min: 1, default: value, max: MAX_TIMEOUT, allowsInfinity: false };
}

/** A number of milliseconds; Infinity: never. */
export function timeOrNever(value: number): Range {
  return { ...time(value), allowsInfinity: true };
}

/** A number of bytes or of things. */
export function amount(value: number, min = 1): Range {
  return { min, default: value, max: Number.MAX_SAFE_INTEGER, allowsInfinity: true };
}

/**
 * Checks one number. Undefined stands for the default.
 *
 * @throws {InvalidArgumentError} for a value that is not a number
 * @throws {OutOfRangeError} for a number out of range
 */
export function readNumber(name: string, value: unknown, range: Range): number {
  const { min, max, allowsInfinity } = range;
  if (value === undefined) return range.default;
  if (typeof value !== "number") throw new InvalidArgumentError(`${name}: expected a number, got ${typeof value}`);
  if (allowsInfinity && value === Infinity) return value;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new OutOfRangeError(
    `${name}: expected an integer from ${String(min)} to ${String(max)}${allowsInfinity ? ", or Infinity" : ""}, got ${String(value)}`,
  );
}
