import type { Bytes } from "./bytes.ts";

/** From this many bytes on, masking by 32-bit words is faster although it needs a view (measured: 32 to 64 bytes). */
const WORD_WISE_FROM = 64;

/** From this many bytes on, masking by 64-bit words is faster although it needs two views and a big integer. */
const WIDE_FROM = 1024;

/** Only on a little-endian machine is the key's first byte the lowest of a word. On others (s390x) bytes are masked singly. */
const LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;

/**
 * Masks or unmasks `bytes[start, end)` in place (RFC 6455 5.3), four bytes at a time if there are many.
 *
 * @param key the masking key, its first byte lowest; 0 changes no byte, for callers that need the result only
 * @returns the OR of all resulting bytes: below 0x80 if all are ASCII
 */
export function mask(bytes: Bytes, start: number, end: number, key: number): number {
  if (LITTLE_ENDIAN && end - start >= WORD_WISE_FROM) return maskWords(bytes, start, end, key);
  return maskBytes(bytes, start, end, key);
}

/** The key for the bytes that follow `count` bytes masked with `key`. */
export function rotateKey(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

function maskBytes(bytes: Bytes, start: number, end: number, key: number): number {
  const k0 = key & 0xff;
  const k1 = (key >>> 8) & 0xff;
  const k2 = (key >>> 16) & 0xff;
  const k3 = key >>> 24;
  let all = 0;
  let i = start;
  for (const stop = end - 3; i < stop; i += 4) {
    all |= (bytes[i]! ^= k0) | (bytes[i + 1]! ^= k1) | (bytes[i + 2]! ^= k2) | (bytes[i + 3]! ^= k3);
  }
  if (i < end) all |= bytes[i]! ^= k0;
  if (i + 1 < end) all |= bytes[i + 1]! ^= k1;
  if (i + 2 < end) all |= bytes[i + 2]! ^= k2;
  return all;
}

function maskWords(bytes: Bytes, start: number, end: number, key: number): number {
  // First up to three bytes until the memory is aligned, then words, then up to three bytes.
  const head = start + (-(bytes.byteOffset + start) & 3);
  const count = (end - head) >> 2;
  const tail = head + (count << 2);
  const wordKey = rotateKey(key, head - start) | 0;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, count);
  const all = xorWords(words, wordKey);
  const any = (all | (all >>> 8) | (all >>> 16) | (all >>> 24)) & 0xff;
  return any | maskBytes(bytes, start, head, key) | maskBytes(bytes, tail, end, wordKey);
}

/** Eight words per turn are 2.5 times as fast as one: the loop itself costs more than a word. */
function xorWords(words: Int32Array, key: number): number {
  let all = 0;
  let i = 0;
  for (const stop = words.length - 7; i < stop; i += 8) {
    all |=
      (words[i]! ^= key) |
      (words[i + 1]! ^= key) |
      (words[i + 2]! ^= key) |
      (words[i + 3]! ^= key) |
      (words[i + 4]! ^= key) |
      (words[i + 5]! ^= key) |
      (words[i + 6]! ^= key) |
      (words[i + 7]! ^= key);
  }
  for (; i < words.length; i++) all |= words[i]! ^= key;
  return all;
}

/**
 * Masks or unmasks `bytes[start, end)` into `target` at `at`, which may be the same place. Many bytes are masked eight at a time,
 * and in one pass if source and target have the same alignment modulo eight.
 */
export function maskInto(target: Bytes, at: number, bytes: Bytes, start: number, end: number, key: number): void {
  const aligned = ((target.byteOffset + at) & 7) === ((bytes.byteOffset + start) & 7);
  const wide = LITTLE_ENDIAN && end - start >= WIDE_FROM;
  if (aligned && wide) {
    maskWide(target, at, bytes, start, end, key);
    return;
  }
  if (target !== bytes || at !== start) target.set(bytes.subarray(start, end), at);
  if (wide) maskWide(target, at, target, at, at + end - start, key);
  else mask(target, at, at + end - start, key);
}

function maskWide(target: Bytes, at: number, bytes: Bytes, start: number, end: number, key: number): void {
  const head = -(bytes.byteOffset + start) & 7;
  const count = (end - start - head) >> 3;
  const tail = head + count * 8;
  const half = BigInt(rotateKey(key, head) >>> 0);
  const wideKey = (half << 32n) | half;
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + start + head, count);
  if (target === bytes && at === start) xorWideInPlace(words, wideKey);
  else xorWide(new BigUint64Array(target.buffer, target.byteOffset + at + head, count), words, wideKey);
  maskInto(target, at, bytes, start, start + head, key);
  maskInto(target, at + tail, bytes, start + tail, end, rotateKey(key, tail));
}

/** The compiler makes 64-bit words of the big integers: twice as fast as `xorWords`. */
function xorWide(target: BigUint64Array, words: BigUint64Array, key: bigint): void {
  let i = 0;
  for (const stop = words.length - 7; i < stop; i += 8) {
    target[i] = words[i]! ^ key;
    target[i + 1] = words[i + 1]! ^ key;
    target[i + 2] = words[i + 2]! ^ key;
    target[i + 3] = words[i + 3]! ^ key;
    target[i + 4] = words[i + 4]! ^ key;
    target[i + 5] = words[i + 5]! ^ key;
    target[i + 6] = words[i + 6]! ^ key;
    target[i + 7] = words[i + 7]! ^ key;
  }
  for (; i < words.length; i++) target[i] = words[i]! ^ key;
}

/** With one array, 0.8 times the time of `xorWide`. The highest index comes first: its check covers the others. */
function xorWideInPlace(words: BigUint64Array, key: bigint): void {
  let i = 0;
  for (const stop = words.length - 7; i < stop; i += 8) {
    words[i + 7]! ^= key;
    words[i + 6]! ^= key;
    words[i + 5]! ^= key;
    words[i + 4]! ^= key;
    words[i + 3]! ^= key;
    words[i + 2]! ^= key;
    words[i + 1]! ^= key;
    words[i]! ^= key;
  }
  for (; i < words.length; i++) words[i]! ^= key;
}
