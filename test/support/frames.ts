import type { Bytes } from "../../src/protocol/bytes.ts";
import { join } from "./bytes.ts";

/** The masking key of the examples in RFC 6455 5.7. */
export const KEY: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

/** The fields of a frame. Defaults: FIN, no reserved bit, not masked, the shortest length. */
export interface Frame {
  readonly fin?: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/**
 * Writes a frame by RFC 6455 5.2, without src/: tests compare src/ with it.
 *
 * @param frame - The fields of the frame.
 * @param key - The four bytes of a masking key; without it the frame is not masked.
 */
export function encode({ fin = true, opcode, payload }: Frame, key?: readonly number[]): Bytes {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = new DataView(new ArrayBuffer(2 + extended));
  header.setUint8(0, (fin ? 0x80 : 0) + opcode);
  header.setUint8(1, extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.setUint16(2, length);
  if (extended === 8) header.setBigUint64(2, BigInt(length));
  const frameBytes = join([new Uint8Array(header.buffer), payload]);
  return key === undefined ? frameBytes : asClient(frameBytes, key);
}

/**
 * The frame as a client sends it: mask bit, masking key, masked payload (RFC 6455 5.3). A frame that ends inside its
 * header gets the mask bit and as many of the other bytes as fit.
 *
 * @param frame - One frame that is not masked, or the beginning of one.
 * @param key - The four bytes of the masking key.
 */
export function asClient(frame: Uint8Array, key: readonly number[] = KEY): Bytes {
  if (frame.length < 2) return join([frame]);
  const short = frame[1]! & 0x7f;
  const header = 2 + (short === 127 ? 8 : short === 126 ? 2 : 0);
  const start = Uint8Array.from(frame.subarray(0, header));
  start[1] = short | 0x80;
  if (frame.length < header) return join([start]);
  return join([start, Uint8Array.from(key), frame.subarray(header).map((byte, i) => byte ^ key[i % 4]!)]);
}
