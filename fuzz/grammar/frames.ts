/** A frame as it stands on the wire, whatever is wrong with it: written by RFC 6455 5.2 and by nothing of src/. */
export interface WireFrame {
  /** FIN, the reserved bits and the opcode. */
  readonly first: number;
  /** The masking key; undefined where the mask bit is not set. */
  readonly key: Buffer | undefined;
  /** Bytes that the length takes behind the second byte. */
  readonly form: 0 | 2 | 8;
  /** The length that the header tells. */
  readonly claimed: bigint;
  /** The payload that is there, unmasked. */
  readonly payload: Buffer;
}

/** A stream of frames, and bytes that are none. */
export interface FrameStream {
  readonly frames: readonly WireFrame[];
  /** The beginning of a header, where the stream ends in one. */
  readonly rest: Buffer;
}

/** Reads frames as long as there are any. Never fails: what is cut off is a frame that claims more than it has. */
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

/** Writes a frame, whatever is wrong with it. */
export function writeFrame({ first, key, form, claimed, payload }: WireFrame): Buffer {
  const header = Buffer.alloc(2 + form);
  header.writeUInt8(first);
  const short = form === 0 ? Number(claimed & 0x7fn) : form === 2 ? 126 : 127;
  header.writeUInt8((key === undefined ? 0 : 0x80) | short, 1);
  if (form === 2) header.writeUInt16BE(Number(claimed & 0xffffn), 2);
  if (form === 8) header.writeBigUInt64BE(BigInt.asUintN(64, claimed), 2);
  return Buffer.concat(key === undefined ? [header, payload] : [header, key, masked(payload, key)]);
}

/** A frame with which nothing is wrong, if its first byte and its payload are right. */
export function frameOf(first: number, payload: Buffer, key?: Buffer): WireFrame {
  return { first, key, ...fitting(payload), payload };
}

/** The same frame with another payload, and the length of that. */
export function withPayload(frame: WireFrame, payload: Buffer): WireFrame {
  return { ...frame, ...fitting(payload), payload };
}

/** The length of a payload in its shortest form. */
function fitting({ length }: Buffer): Pick<WireFrame, "form" | "claimed"> {
  return { form: length < 126 ? 0 : length < 65_536 ? 2 : 8, claimed: BigInt(length) };
}

function readLength(bytes: Buffer): bigint {
  return bytes.length === 2 ? BigInt(bytes.readUInt16BE()) : bytes.readBigUInt64BE();
}

function masked(payload: Buffer, key: Buffer | undefined): Buffer {
  if (key === undefined) return payload;
  return Buffer.from(payload.map((byte, i) => byte ^ (key[i & 3] ?? 0)));
}
