/** A frame as it is sent, valid or not. This is an implementation of RFC 6455 5.2 that is independent of src/. */
export interface WireFrame {
  /** FIN, the reserved bits and the opcode. */
  readonly first: number;
  /** The masking key; undefined where the mask bit is not set. */
  readonly key: Buffer | undefined;
  /** The number of bytes after the second one that the length has. */
  readonly form: 0 | 2 | 8;
  /** The length in the header. */
  readonly claimed: bigint;
  /** The payload that follows, unmasked. */
  readonly payload: Buffer;
}

/** A stream of frames, and the bytes after them. */
export interface FrameStream {
  readonly frames: readonly WireFrame[];
  /** The incomplete header at the end of the stream, if there is one. */
  readonly rest: Buffer;
}

/** Reads all frames. Never fails: the length of an incomplete frame is greater than that of its payload. */
export function parseFrames(stream: Buffer): FrameStream {
  const frames: WireFrame[] = [];
  let at = 0;
  while (stream.length - at >= 2) {
    const second = stream.readUInt8(at + 1);
    const short = second & 0x7f;
    const form = short < 126 ? 0 : short === 126 ? 2 : 8;
    const body = at + 2 + form + (second > 0x7f ? 4 : 0);
    if (body > stream.length) break;
    const claimed = form === 0 ? BigInt(short) : readLength(stream.subarray(at + 2, at + 2 + form));
    const left = stream.length - body;
    const end = body + (claimed > BigInt(left) ? left : Number(claimed));
    const key = second > 0x7f ? stream.subarray(body - 4, body) : undefined;
    frames.push({ first: stream.readUInt8(at), key, form, claimed, payload: masked(stream.subarray(body, end), key) });
    at = end;
  }
  return { frames, rest: stream.subarray(at) };
}

/** Writes a stream. */
export function writeFrames({ frames, rest }: FrameStream): Buffer {
  return Buffer.concat([...frames.map(writeFrame), rest]);
}

/** Writes a frame, valid or not. */
export function writeFrame({ first, key, form, claimed, payload }: WireFrame): Buffer {
  const header = Buffer.alloc(2 + form);
  header.writeUInt8(first);
  const short = form === 0 ? Number(claimed & 0x7fn) : form === 2 ? 126 : 127;
  header.writeUInt8((key === undefined ? 0 : 0x80) | short, 1);
  if (form === 2) header.writeUInt16BE(Number(claimed & 0xffffn), 2);
  if (form === 8) header.writeBigUInt64BE(BigInt.asUintN(64, claimed), 2);
  return Buffer.concat(key === undefined ? [header, payload] : [header, key, masked(payload, key)]);
}

/** A frame with the right length for its payload. It is valid if its first byte and its payload are. */
export function frameOf(first: number, payload: Buffer, key?: Buffer): WireFrame {
  return { first, key, ...shortestLength(payload), payload };
}

/** The same frame with another payload and its length. */
export function withPayload(frame: WireFrame, payload: Buffer): WireFrame {
  return { ...frame, ...shortestLength(payload), payload };
}

/** The length of a payload in its shortest form. */
function shortestLength({ length }: Buffer): Pick<WireFrame, "form" | "claimed"> {
  return { form: length < 126 ? 0 : length < 65_536 ? 2 : 8, claimed: BigInt(length) };
}

function readLength(bytes: Buffer): bigint {
  return bytes.length === 2 ? BigInt(bytes.readUInt16BE()) : bytes.readBigUInt64BE();
}

function masked(payload: Buffer, key: Buffer | undefined): Buffer {
  if (key === undefined) return payload;
  return Buffer.from(payload.map((byte, i) => byte ^ (key[i & 3] ?? 0)));
}
