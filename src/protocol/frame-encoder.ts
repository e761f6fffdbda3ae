import { type Bytes, allocate } from "./bytes.ts";
import { mask as maskBytes } from "./mask.ts";

/** FIN, the bit of the first byte for the last frame of a message (RFC 6455 5.2). */
export const FIN = 0x80;

/** Bytes of the header before `length` bytes of payload, in the shortest form (RFC 6455 5.2). */
export function headerSize(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 0x10000 ? 4 : 10) + (masked ? 4 : 0);
}

/**
 * Writes a frame's header at `at`.
 *
 * @param first opcode and FIN: the frame's first byte
 * @param key the masking key, first byte lowest; undefined for a server's frame, which is not masked (RFC 6455 5.1)
 * @returns the offset after the header
 */
export function writeHeader(bytes: Uint8Array, at: number, first: number, length: number, key?: number): number {
  const masked = key === undefined ? 0 : 0x80;
  bytes[at++] = first;
  if (length < 126) bytes[at++] = masked | length;
  else if (length < 0x10000) {
    bytes[at++] = masked | 126;
    bytes[at++] = length >>> 8;
    bytes[at++] = length & 0xff;
  } else {
    bytes[at++] = masked | 127;
    at = writeUint32(bytes, at, Math.floor(length / 0x1_0000_0000));
    at = writeUint32(bytes, at, length >>> 0);
  }
  if (key === undefined) return at;
  for (let shift = 0; shift < 32; shift += 8) bytes[at++] = (key >>> shift) & 0xff;
  return at;
}

/** A whole frame in memory of its own. `payload` is copied; with a `key` the copy is masked. */
export function serializeFrame(first: number, payload: Uint8Array, key?: number): Bytes {
  const frame = allocate(headerSize(payload.length, key !== undefined) + payload.length);
  const body = writeHeader(frame, 0, first, payload.length, key);
  frame.set(payload, body);
  if (key !== undefined) maskBytes(frame, body, frame.length, key);
  return frame;
}

/**
 * Encodes the frames of one role. A server's frames are not masked (RFC 6455 5.1). A client masks each frame with a new key
 * that nobody can predict (RFC 6455 5.3, 10.3), so it always copies the payload, and a frame cannot be sent twice.
 */
export class FrameEncoder {
  readonly #nextKey: (() => number) | undefined;
  /** Whether the frames are masked: then a payload must be copied, and a frame belongs to one connection. */
  readonly masks: boolean;

  /** @param nextKey returns a masking key of 32 random bits; undefined for a server */
  constructor(nextKey?: () => number) {
    this.#nextKey = nextKey;
    this.masks = nextKey !== undefined;
  }

  /** Bytes of the header before `length` bytes of payload. */
  headerSize(length: number): number {
    return headerSize(length, this.masks);
  }

  /** Writes a whole frame at `at` and returns the offset after it. The payload is copied. */
  write(bytes: Bytes, at: number, first: number, payload: Uint8Array): number {
    const key = this.#nextKey?.();
    const body = writeHeader(bytes, at, first, payload.length, key);
    const end = body + payload.length;
    bytes.set(payload, body);
    if (key !== undefined) maskBytes(bytes, body, end, key);
    return end;
  }

  /** A whole frame in its own memory. The payload is copied. */
  serialize(first: number, payload: Uint8Array): Bytes {
    return serializeFrame(first, payload, this.#nextKey?.());
  }
}

function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
  return at + 4;
}
