import type { Random } from "../../../fuzz/engine/random.ts";

/** Opcodes (RFC 6455 5.2). */
export const Op = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** FIN, the first bit of a frame. */
const FIN = 0x80;

/** Makes a client's frames, each with a random masking key. */
export class FrameMaker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One frame (RFC 6455 5.2). */
  frame(opcode: number, payload: Uint8Array, fin = true): Buffer {
    const { length } = payload;
    const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const start = 6 + extended;
    const frame = Buffer.allocUnsafe(start + length);
    frame[0] = (fin ? FIN : 0) | opcode;
    frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
    if (extended === 2) frame.writeUInt16BE(length, 2);
    if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
    const key = this.#random.bytes(4);
    key.copy(frame, start - 4);
    for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ key[i & 3]!;
    return frame;
  }

  /** A message in one frame or in fragments, some of them empty, with control frames between them. */
  message(opcode: number, payload: Buffer, control: () => Buffer): Buffer {
    const random = this.#random;
    if (!random.oneIn(4)) return this.frame(opcode, payload);
    const frames: Buffer[] = [];
    let at = 0;
    for (let left = 1 + random.below(6); left > 0; left--) {
      const end = left === 1 ? payload.length : at + random.below(payload.length - at + 1);
      frames.push(this.frame(frames.length === 0 ? opcode : Op.continuation, payload.subarray(at, end), left === 1));
      if (left > 1 && random.oneIn(3)) frames.push(control());
      at = end;
    }
    return Buffer.concat(frames);
  }

  /** A close frame. */
  close(code: number, reason: string): Buffer {
    return this.frame(Op.close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
  }
}
