import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { Http2Tunnel } from "../../test/support/http2-tunnel.ts";
import { type Frame, FrameDecoder } from "./frames.ts";

/** The head of an HTTP response. */
export interface Head {
  readonly status: number;
  /** The whole head, as it was received. */
  readonly text: string;
}

/** The addresses of a connection. */
export interface Route {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  /** The client's own address; undefined: the system chooses one. */
  readonly from: string | undefined;
  /** Whether it is a stream of HTTP/2. Default: it is HTTP/1.1. */
  readonly isHttp2?: boolean;
}

const END_OF_HEAD = "\r\n\r\n";

/** An opening handshake as text. */
export function handshake(target: string, fields: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${target} HTTP/1.1`, ...lines, END_OF_HEAD.slice(2)].join("\r\n");
}

/** A minimal client on a socket of its own: it writes any bytes, and returns the frames that it receives. */
export class Client {
  readonly #socket: Socket | Http2Tunnel;
  readonly #decoder = new FrameDecoder();
  #head = "";
  #isOpen = false;
  /** No more bytes will arrive. */
  #ended = false;
  #wake: () => void = ignore;
  #wakeWriter: () => void = ignore;

  private constructor(socket: Socket | Http2Tunnel) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      if (this.#isOpen) this.#decoder.push(chunk);
      else this.#head += chunk.toString("latin1");
      this.#wake();
    });
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake();
      this.#wakeWriter();
    };
    socket.on("drain", () => this.#wakeWriter());
    socket.on("end", onEnd).on("close", onEnd).on("error", onEnd);
  }

  /** Opens a TCP connection. */
  static async connect({ port, from, isHttp2 = false }: Route): Promise<Client> {
    const where = { port, ...(from !== undefined && { localAddress: from }) };
    const socket = isHttp2
      ? new Http2Tunnel(where, false)
      : connect({ host: "127.0.0.1", noDelay: true, allowHalfOpen: true, ...where });
    await once(socket, "connect");
    return new Client(socket);
  }

  /**
   * Opens a WebSocket connection.
   *
   * @throws Error - if the server refuses it
   */
  static async open(route: Route, target = "/", fields: Readonly<Record<string, string>> = {}): Promise<Client> {
    const client = await Client.connect(route);
    client.write(handshake(target, fields));
    const head = await client.head();
    if (head?.status === 101) return client;
    client.reset();
    throw new Error(`expected 101, got ${head?.text ?? "nothing"}`);
  }

  /** Whether no more bytes will arrive. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** Writes the bytes unchanged and does not wait. Returns false if the buffer of the socket is full. */
  write(bytes: Uint8Array | string): boolean {
    return this.#socket.write(bytes);
  }

  /** Waits until the socket's buffer is empty. */
  async drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** The head of the response; undefined if the connection ended before it was complete. */
  async head(): Promise<Head | undefined> {
    while (!this.#head.includes(END_OF_HEAD)) {
      if (this.#ended) return undefined;
      await this.#more();
    }
    const end = this.#head.indexOf(END_OF_HEAD) + END_OF_HEAD.length;
    const text = this.#head.slice(0, end);
    this.#decoder.push(Buffer.from(this.#head.slice(end), "latin1"));
    this.#isOpen = true;
    return { status: Number(text.slice(9, 12)), text };
  }

  /** The next frame; undefined after the last one. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame !== undefined) return frame;
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** Waits until the server has ended its side. */
  async ended(): Promise<void> {
    while (!this.#ended) await this.#more();
  }

  /** Ends this side: a FIN. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection, so that no port stays in TIME_WAIT. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function ignore(): void {
  // Nothing waits.
}
