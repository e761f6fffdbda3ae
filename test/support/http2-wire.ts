import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { onTestFinished } from "vitest";

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
  const all = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Buffer.concat(all.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
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

/** A client of HTTP/2 without Node's code: it sends the frames that a test wants, also those that no client may send. */
export class WireSession {
  readonly socket: Socket;
  /** All frames that have come. */
  readonly frames: Http2Frame[] = [];
  /** Whether the server has ended the connection. */
  over = false;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#read(chunk);
    });
    socket.on("drain", () => {
      this.#wakeAll();
    });
    const end = (): void => {
      this.over = true;
      this.#wakeAll();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /**
   * Connects, and begins a session. It is destroyed at the end of the test.
   *
   * @param url - of the server: with https it asks for HTTP/2 in the TLS handshake
   * @param settings - the client's settings, as numbers and values in turn
   */
  static async open(url: string, settings: readonly number[] = []): Promise<WireSession> {
    const { protocol, port } = new URL(url);
    const where = { port: Number(port), host: "127.0.0.1" };
    const isSecure = protocol === "https:";
    const socket = isSecure
      ? connectTls({ ...where, ALPNProtocols: ["h2"], rejectUnauthorized: false }).setNoDelay()
      : connect({ ...where, noDelay: true });
    onTestFinished(() => void socket.destroy());
    await once(socket, isSecure ? "secureConnect" : "connect");
    const session = new WireSession(socket);
    const payload = Buffer.alloc(settings.length * 3);
    for (let i = 0; i < settings.length; i += 2) {
      payload.writeUInt16BE(settings[i]!, i * 3);
      payload.writeUInt32BE(settings[i + 1]!, i * 3 + 2);
    }
    // What the server may send on all streams together is never the limit here.
    const window = http2Frame(Http2Type.windowUpdate, 0, 0, http2Number(2 ** 30));
    session.send(
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      http2Frame(Http2Type.settings, 0, 0, payload),
      window,
    );
    await session.sees(({ type, flags }) => type === Http2Type.settings && flags === Http2Flag.ack);
    // From then on the server's windows are as it has announced them.
    session.send(http2Frame(Http2Type.settings, Http2Flag.ack, 0));
    return session;
  }

  /** Sends frames, or a part of one. */
  send(...frames: readonly Uint8Array[]): void {
    if (!this.over) this.socket.write(Buffer.concat(frames));
  }

  /** Sends the same again and again, as fast as the server takes it, or until the session is over. */
  async flood(make: (turn: number) => Uint8Array, times: number): Promise<void> {
    for (let turn = 0; turn < times && !this.over; turn++) {
      if (!this.socket.write(make(turn))) await this.#until(() => !this.socket.writableNeedDrain);
    }
  }

  /** Sends a CONNECT for a WebSocket on a new stream. */
  connect(stream: number, path?: string, headers?: Readonly<Record<string, string | undefined>>, flags = 0): void {
    this.send(http2Frame(Http2Type.headers, Http2Flag.endHeaders | flags, stream, connectHeaders(path, headers)));
  }

  /** Resets a stream. */
  reset(stream: number, code = 8): void {
    this.send(http2Frame(Http2Type.resetStream, 0, stream, http2Number(code)));
  }

  /** Waits for a frame; undefined when the server has ended the connection instead. */
  async sees(matches: (frame: Http2Frame) => boolean): Promise<Http2Frame | undefined> {
    let found: Http2Frame | undefined;
    await this.#until(() => (found = this.frames.find(matches)) !== undefined);
    return found;
  }

  /** Waits until the server has ended the connection. */
  async ended(): Promise<void> {
    await this.#until(() => this.over);
  }

  /** The code of the server's GOAWAY; undefined: it has sent none before it ended the connection. */
  async goAwayCode(): Promise<number | undefined> {
    return (await this.sees(({ type }) => type === Http2Type.goAway))?.payload.readUInt32BE(4);
  }

  /** Waits until a condition is true, or the session is over. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.over) {
      const before = this.#wake;
      await new Promise<void>((resolve) => {
        this.#wake = () => {
          before();
          resolve();
        };
      });
    }
  }

  #read(chunk: Buffer): void {
    let bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      this.frames.push({
        type: bytes[3]!,
        flags: bytes[4]!,
        stream: bytes.readUInt32BE(5),
        payload: bytes.subarray(9, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#bytes = bytes;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = () => undefined;
    wake();
  }
}
