import { createHash } from "node:crypto";
import { type Server, type Socket, createServer } from "node:net";
import { onTestFinished } from "vitest";

/** A frame of a client as it stood on the wire, and its payload without the mask. */
export interface ClientFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly key: Buffer;
  readonly payload: Buffer;
}

/** The GUID of RFC 6455 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A server without the code under test, on TCP. It reads what a client sends, and writes what the test wants. */
export class RawServer {
  readonly server: Server;
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];

  private constructor() {
    this.server = createServer((socket) => {
      const peer = new RawPeer(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#peers.push(peer);
      else waiting(peer);
    });
  }

  /** Listens on a free port of 127.0.0.1 until the end of the test. */
  static async open(): Promise<RawServer> {
    const raw = new RawServer();
    await new Promise<void>((resolve) => raw.server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => new Promise((resolve) => raw.server.close(() => resolve())));
    return raw;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** The next client that has connected. */
  next(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    return peer === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(peer);
  }
}

/** One client of a `RawServer`. */
export class RawPeer {
  readonly socket: Socket;
  /** The client has ended its side, or the connection is gone. */
  readonly ended: Promise<void>;
  #bytes = Buffer.alloc(0);
  #more: (() => void) | undefined;
  #isOver = false;

  constructor(socket: Socket) {
    this.socket = socket;
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#more?.();
    });
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true;
        this.#more?.();
        resolve();
      };
      socket.once("end", end).once("close", end);
    });
  }

  /** What has come and was not read. */
  get unread(): Buffer {
    return this.#bytes;
  }

  /** The head of the client's request. */
  async head(): Promise<string> {
    await this.#until(() => this.#bytes.includes("\r\n\r\n"));
    return this.#take(this.#bytes.indexOf("\r\n\r\n") + 4).toString("latin1");
  }

  /** Reads the request, and accepts it with a valid answer. `more`: further header lines. */
  async accept(...more: readonly string[]): Promise<string> {
    const head = await this.head();
    this.answer(...validAnswer(head), ...more);
    return head;
  }

  /** Answers with these lines. */
  answer(...lines: readonly string[]): void {
    this.socket.write([...lines, "", ""].join("\r\n"));
  }

  /** The next frame of the client. */
  async frame(): Promise<ClientFrame> {
    await this.#until(() => this.#bytes.length >= 2);
    const [first, second] = [this.#bytes.readUInt8(0), this.#bytes.readUInt8(1)];
    const short = second & 0x7f;
    const lengthEnd = short < 126 ? 2 : short === 126 ? 4 : 10;
    await this.#until(() => this.#bytes.length >= lengthEnd);
    const masked = second >= 128;
    const start = lengthEnd + (masked ? 4 : 0);
    const length =
      short < 126 ? short : short === 126 ? this.#bytes.readUInt16BE(2) : Number(this.#bytes.readBigUInt64BE(2));
    await this.#until(() => this.#bytes.length >= start + length);
    const bytes = this.#take(start + length);
    const key = bytes.subarray(lengthEnd, start);
    const payload = Buffer.from(bytes.subarray(start));
    if (masked) for (let i = 0; i < payload.length; i++) payload[i] = payload.readUInt8(i) ^ key.readUInt8(i % 4);
    return { fin: first >= 128, rsv: (first >> 4) & 7, opcode: first & 15, masked, key: Buffer.from(key), payload };
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#isOver) throw new Error("the client has ended the connection");
      await new Promise<void>((resolve) => (this.#more = resolve));
    }
  }
}

/** A header of a request. */
export function headerOf(head: string, name: string): string | undefined {
  const line = head.split("\r\n").find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}

/** The lines of an answer that accepts a request (RFC 6455 4.2.2). */
export function validAnswer(head: string): string[] {
  const key = headerOf(head, "Sec-WebSocket-Key") ?? "";
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
  ];
}
