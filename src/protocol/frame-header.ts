/** The header of a frame (RFC 6455 5.2): the bits of its first byte, and the three forms of its length. */

/** The bit of the first byte for the last frame of a message. */
export const FIN = 0x80;

/** The reserved bits of the first byte. Each is 0 unless an extension has given it a meaning. */
export const ReservedBit = {
  rsv1: 0x40,
  rsv2: 0x20,
  rsv3: 0x10,
} as const;

/** One of the three reserved bits. */
export type ReservedBit = (typeof ReservedBit)[keyof typeof ReservedBit];

/** All three reserved bits. */
export const RESERVED_BITS = ReservedBit.rsv1 | ReservedBit.rsv2 | ReservedBit.rsv3;

/** The bit of the second byte for a masked frame. */
export const MASKED = 0x80;

/** The seven bits of the second byte that say 16 bits of length follow. A smaller value is the length itself. */
export const LENGTH_16 = 126;

/** The seven bits of the second byte that say 64 bits of length follow. */
export const LENGTH_64 = 127;

/** The bytes of a masking key. */
export const KEY_SIZE = 4;

/** The most bytes of a header: two, eight of length, and four of masking key. */
export const MAX_HEADER = 14;

/** Bytes of the header before `length` bytes of payload, in the shortest form. */
export function headerSize(length: number, masked: boolean): number {
  return (length < LENGTH_16 ? 2 : length < 0x10000 ? 4 : 10) + (masked ? KEY_SIZE : 0);
}

/**
 * Writes a frame's header at `at`.
 *
 * @param firstByte opcode and FIN
 * @param key the masking key, first byte lowest; undefined for a server's frame, which is not masked (RFC 6455 5.1)
 * @returns the offset after the header
 */
export function writeHeader(bytes: Uint8Array, at: number, firstByte: number, length: number, key?: number): number {
  const masked = key === undefined ? 0 : MASKED;
  bytes[at++] = firstByte;
  if (length < LENGTH_16) bytes[at++] = masked | length;
  else if (length < 0x10000) {
    bytes[at++] = masked | LENGTH_16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length & 0xff;
  } else {
    bytes[at++] = masked | LENGTH_64;
    at = writeUint32(bytes, at, Math.floor(length / 0x1_0000_0000));
    at = writeUint32(bytes, at, length >>> 0);
  }
  if (key === undefined) return at;
  for (let shift = 0; shift < 32; shift += 8) bytes[at++] = (key >>> shift) & 0xff;
  return at;
}

/** Bytes of length that follow the second byte. `length7`: the seven bits of length in the second byte. */
export function extendedLengthSize(length7: number): number {
  return length7 < LENGTH_16 ? 0 : length7 === LENGTH_16 ? 2 : 8;
}

/** What is wrong with a length that was read. */
export const BadLength = {
  /** The highest bit of a 64-bit length is set. */
  signed: -1,
  /** A shorter form would do. */
  notMinimal: -2,
} as const;

/**
 * Reads the bytes of length that follow the second byte, at `at`. Above 2^53 the length is rounded, but no limit is that large.
 *
 * @param length7 the seven bits of length in the second byte, `LENGTH_16` or `LENGTH_64`
 * @returns the length, or one of `BadLength`
 */
export function readExtendedLength(bytes: Uint8Array, at: number, length7: number): number {
  if (length7 === LENGTH_16) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    return length < LENGTH_16 ? BadLength.notMinimal : length;
  }
  if (bytes[at]! > 0x7f) return BadLength.signed;
  let length = 0;
  for (let i = 0; i < 8; i++) length = length * 256 + bytes[at + i]!;
  return length < 0x10000 ? BadLength.notMinimal : length;
}

/** Reads the masking key at `at`, first byte lowest. */
export function readKey(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
  return at + 4;
}
