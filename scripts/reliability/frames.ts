/** Opcodes (RFC 6455 5.2). */
export const Op = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** FIN, the first bit of a frame. */
export const FIN = 0x80;

/** A frame that was received. */
export interface Frame {
  /** Whether it is the last of its message. */
  readonly fin: boolean;
  /** The opcode. */
  readonly opcode: number;
  /** The payload. The decoder does not keep it. */
  readonly payload: Buffer;
}

/** The masking key. It may be constant, because there is no proxy between client and server. */
const KEY = Buffer.from([0x9a, 0x41, 0xd7, 0x5c]);

/**
 * A client's frame.
 *
 * @param first - FIN, the reserved bits and the opcode
 * @param payload - before masking
 * @param announced - the length in the header, if it is not that of the payload
 */
export function clientFrame(first: number, payload: string | Uint8Array = "", announced?: number): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const length = announced ?? bytes.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extended + KEY.length;
  const frame = Buffer.alloc(start + bytes.length);
  frame[0] = first;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  KEY.copy(frame, start - KEY.length);
  for (let i = 0; i < bytes.length; i++) frame[start + i] = (bytes[i] ?? 0) ^ (KEY[i & 3] ?? 0);
  return frame;
}

/** A client's close frame. */
export function closeFrame(code: number, reason = ""): Buffer {
  return clientFrame(FIN | Op.close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
}

/** The code in a received close frame; 1005 if it has none (RFC 6455 7.1.5). */
export function closeCode({ payload }: Frame): number {
  return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
}

/** Splits the bytes from a server into frames, which are not masked. */
export class FrameDecoder {
  #bytes: Buffer = Buffer.alloc(0);

  /** Adds a chunk and keeps its memory. */
  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** The next frame; undefined if it is not complete. */
  next(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const [first = 0, short = 0] = bytes;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return undefined;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    this.#bytes = bytes.subarray(start + length);
    return { fin: first >= FIN, opcode: first & 0x0f, payload: bytes.subarray(start, start + length) };
  }
}
