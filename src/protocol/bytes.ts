/** The only function of Node that this layer uses. */
declare const Buffer: {
  allocUnsafeSlow(size: number): Bytes;
};

/** Bytes with the platform's string helpers; Node's `Buffer` is one. Offsets are in bytes. */
export interface Bytes extends Uint8Array {
  /** The bytes from `start` to `end` as text, one character a byte. */
  latin1Slice(start: number, end: number): string;
  /** The bytes from `start` to `end` as UTF-8 text; what is not UTF-8 becomes U+FFFD. */
  utf8Slice(start: number, end: number): string;
  /** Writes `text` at `offset`, one byte a character, and returns the number of bytes written. */
  latin1Write(text: string, offset?: number, length?: number): number;
  /** Writes `text` as UTF-8 at `offset`, a lone surrogate as U+FFFD, and returns the number of bytes written. */
  utf8Write(text: string, offset?: number, length?: number): number;
  /** A view of the same memory. */
  subarray(start?: number, end?: number): Bytes;
}

/**
 * New memory of `size` bytes. It is not cleared: the caller must overwrite all bytes that it passes on.
 * It is not part of the pool that the whole process shares, so it can be kept.
 */
export function allocate(size: number): Bytes {
  return Buffer.allocUnsafeSlow(size);
}

/** No bytes. */
export const EMPTY: Bytes = allocate(0);

/** A `Buffer` as `Bytes`: it has all these methods, but Node's types leave some out. */
export function asBytes(buffer: Uint8Array): Bytes {
  return buffer as Bytes;
}

/** The same bytes in memory of their own. */
export function copyOf(bytes: Uint8Array): Bytes {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
