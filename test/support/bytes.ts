import type { Bytes } from "../../src/protocol/bytes.ts";

/**
 * Bytes in the notation of RFCs: `hex("81 05 48 65 6c 6c 6f")`. Several texts are joined; a part that is bytes
 * already is put between them.
 *
 * @param parts - Hexadecimal digits with spaces between them as you like, or bytes.
 */
export function hex(...parts: readonly (string | Uint8Array)[]): Bytes {
  return join(parts.map((part) => (typeof part === "string" ? fromHex(part) : part)));
}

/**
 * The same byte many times.
 *
 * @param value - The byte.
 * @param count - How often.
 */
export function fill(value: number, count: number): Bytes {
  return copy(new Uint8Array(count).fill(value));
}

/**
 * The bytes as hexadecimal digits without spaces.
 *
 * @param bytes - Any bytes.
 */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/**
 * A text as UTF-8.
 *
 * @param text - Without lone surrogates.
 */
export function utf8(text: string): Bytes {
  return copy(new TextEncoder().encode(text));
}

/**
 * All pieces in memory of their own.
 *
 * @param pieces - Any bytes.
 */
export function join(pieces: readonly Uint8Array[]): Bytes {
  return asBytes(Buffer.concat(pieces));
}

/**
 * A copy of the bytes. A reader unmasks its chunks in place.
 *
 * @param bytes - Any bytes.
 */
export function copy(bytes: Uint8Array): Bytes {
  return join([bytes]);
}

/**
 * Copies of the pieces between the cuts.
 *
 * @param bytes - What is cut.
 * @param cuts - Offsets in any order; those that lie outside are left out.
 */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Bytes[] {
  const inside = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  return [0, ...inside].map((start, i) => copy(bytes.subarray(start, inside[i] ?? bytes.length)));
}

/**
 * Each byte alone.
 *
 * @param bytes - What is cut.
 */
export function byteByByte(bytes: Uint8Array): Bytes[] {
  return Array.from(bytes, (byte) => copy(Uint8Array.of(byte)));
}

function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not pairs of hexadecimal digits: ${text}`);
  return Buffer.from(digits, "hex");
}

/** Node's types do not have the methods that `Bytes` adds, but every Buffer has them. */
function asBytes(buffer: Buffer): Bytes {
  return buffer as Uint8Array as Bytes;
}
