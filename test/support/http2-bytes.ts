/** The types of frames (RFC 9113 6). */
export const Http2Type = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const Http2Flag = { ack: 1, endStream: 1, endHeaders: 4 } as const;

/** A frame that has come. */
export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A frame of HTTP/2 (RFC 9113 4.1). */
export function http2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Four bytes: a code of an error, a stream or a window. */
export function http2Number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A block of headers, each in full (RFC 7541 6.2.2): nothing is compressed. */
export function http2Headers(headers: Readonly<Record<string, string | undefined>>): Buffer {
  return http2HeaderList(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The same of names and values, of which a name may come again. */
export function http2HeaderList(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
}

/** The frames in bytes that have come; a part of one at the end is left out. */
export function readHttp2Frames(bytes: Buffer): Http2Frame[] {
  const frames: Http2Frame[] = [];
  for (let at = 0, end = 0; at + 9 <= bytes.length; at = end) {
    end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const [type, flags] = [bytes[at + 3]!, bytes[at + 4]!];
    frames.push({ type, flags, stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) });
  }
  return frames;
}

/** The headers of a CONNECT for a WebSocket. A header can be replaced, or left out with `undefined`. */
export function connectHeaders(path = "/", headers: Readonly<Record<string, string | undefined>> = {}): Buffer {
  return http2Headers({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":authority": "127.0.0.1",
    ":path": path,
    "sec-websocket-version": "13",
    ...headers,
  });
}

/** RFC 7541 5.1 and 5.2, without Huffman's code. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}
