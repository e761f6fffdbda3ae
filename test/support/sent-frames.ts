/** A frame that a server sent: its type, and its payload as text or, where the type is not for text, as hexadecimal digits. */
export type Sent = readonly [kind: string, payload: string];

/** A frame as it stood on the wire. */
export interface SentFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

const KINDS: Readonly<Record<number, string>> = {
  0: "more",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/**
 * Reads what a server sent by RFC 6455 5.2, without src/. Throws at bytes that no server may send, and at a frame
 * that is cut off.
 *
 * @param bytes - Whole frames.
 */
export function framesIn(bytes: Uint8Array): SentFrame[] {
  const all = Buffer.from(bytes);
  const frames: SentFrame[] = [];
  for (let at = 0; at < all.length;) {
    const first = all.readUInt8(at);
    const short = all.readUInt8(at + 1);
    if ((first & 0x70) !== 0) throw new Error(`reserved bits at ${at}`);
    if (short > 127) throw new Error(`a masked frame at ${at}`);
    if (!((first & 0x0f) in KINDS)) throw new Error(`a reserved opcode at ${at}`);
    const length = short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
    const body = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (body + length > all.length) throw new Error(`the frame at ${at} is cut off`);
    frames.push({ fin: first > 127, opcode: first & 0x0f, payload: all.subarray(body, body + length) });
    at = body + length;
  }
  return frames;
}

/**
 * The frames in short, to be compared: `["text", "hello"]`, `["binary", "00ff"]`, `["close", "1000 reason"]`. A frame
 * without FIN has a `+` after its kind.
 *
 * @param bytes - Whole frames.
 */
export function sentIn(bytes: Uint8Array): Sent[] {
  return framesIn(bytes).map(({ fin, opcode, payload }) => {
    const kind = `${KINDS[opcode]}${fin ? "" : "+"}`;
    if (opcode === 1) return [kind, payload.toString()];
    if (opcode === 8) return [kind, closeIn(payload)];
    return [kind, payload.toString("hex")];
  });
}

function closeIn(body: Buffer): string {
  if (body.length === 0) return "";
  return `${body.readUInt16BE(0)} ${body.toString("utf8", 2)}`.trim();
}
