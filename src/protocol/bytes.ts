/** What this folder may use of the platform: it uses nothing else of Node. */
declare const Buffer: {
  allocUnsafeSlow(size: number): Bytes;
  from(memory: ArrayBufferLike): Bytes;
};
declare const process: { readonly versions: { readonly v8?: string } };

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
  if (size >= YOUNG_STEP && collectsAll) makeYoungObjects(size);
  return Buffer.allocUnsafeSlow(size);
}

/**
 * V8 12 and later (Node 22) count memory outside their heap as old: after every 15 MiB of it they collect all objects. A collection of
 * young objects frees it too, in a tenth of the time, but begins only when there are enough of these. So some are made with each large
 * memory: an echo of 64 KiB takes 0.4 times the CPU on Node 24 and 26, and 0.7 times on Node 22.
 */
const collectsAll = Number.parseInt(process.versions.v8 ?? "0", 10) >= 12;

/** Bytes of memory for which 8 KB of young objects are made. */
const YOUNG_STEP = 16 * 1024;

/** Keeps the last of them, or the engine would make none. */
const young: { last: unknown } = { last: undefined };

function makeYoungObjects(size: number): void {
  for (let left = size; left >= YOUNG_STEP; left -= YOUNG_STEP) young.last = new Array<unknown>(1000);
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
