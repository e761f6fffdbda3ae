/** The byte helper of the platform that this folder may use. It uses nothing else of Node. */
declare const Buffer: {
  allocUnsafeSlow(size: number): Bytes;
  from(memory: ArrayBufferLike): Bytes;
};

/** Bytes with the platform's string helpers; Node's `Buffer` is one. Offsets are in bytes. */
export interface Bytes extends Uint8Array {
  /** The bytes from `start` to `end` as text, one character for each byte. */
  latin1Slice(start: number, end: number): string;
  /** The bytes from `start` to `end` as UTF-8 text; invalid bytes become U+FFFD. */
  utf8Slice(start: number, end: number): string;
  /** Writes `text` at `offset`, one byte for each character, and returns the number of bytes written. */
  latin1Write(text: string, offset?: number, length?: number): number;
  /** Writes `text` as UTF-8 at `offset`, a lone surrogate as U+FFFD, and returns the number of bytes written. */
  utf8Write(text: string, offset?: number, length?: number): number;
  /** A view of the same memory. */
  subarray(start?: number, end?: number): Bytes;
}

/**
 * Allocates new memory for `size` bytes. It is not cleared: the caller must overwrite all bytes that it uses.
 * `allocUnsafeSlow` does not use the pool that the process shares, so keeping these bytes keeps no others.
 */
export function allocate(size: number): Bytes {
  return Buffer.allocUnsafeSlow(size);
}

/** All memory of which `bytes` is a part. */
export function memoryOf(bytes: Uint8Array): Bytes {
  return Buffer.from(bytes.buffer);
}

/** An empty array of bytes, shared. */
export const EMPTY: Bytes = allocate(0);

/** Gives a `Buffer` the type `Bytes`. It has all methods of `Bytes`, but Node's types leave out the fastest ones. */
export function asBytes(buffer: Uint8Array): Bytes {
  return buffer as Bytes;
}

/** Copies the bytes to new memory. */
export function copyOf(bytes: Uint8Array): Bytes {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
