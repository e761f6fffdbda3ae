import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { onTestFinished } from "vitest";
import { Http2Flag, type Http2Frame, Http2Type, connectHeaders, http2Frame, http2Number } from "./http2-bytes.ts";

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
