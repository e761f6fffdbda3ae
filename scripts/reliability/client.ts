import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { type Frame, FrameDecoder } from "./frames.ts";

/** The head of an answer to a handshake. */
export interface Head {
  readonly status: number;
  /** All of it, as it stood on the wire. */
  readonly text: string;
}

/** Where a client connects, and from where. */
export interface Route {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  /** The client's own address; undefined: the system chooses. */
  readonly from: string | undefined;
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

/** A light client on a socket of its own: it writes what it is told, and hands on what comes. */
export class Client {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  #head = "";
  #isOpen = false;
  /** No byte will come any more. */
  #over = false;
  #wake: () => void = ignore;
  #wakeWriter: () => void = ignore;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      if (this.#isOpen) this.#decoder.push(chunk);
      else this.#head += chunk.toString("latin1");
      this.#wake();
    });
    const over = (): void => {
      this.#over = true;
      this.#wake();
      this.#wakeWriter();
    };
    socket.on("drain", () => this.#wakeWriter());
    socket.on("end", over).on("close", over).on("error", over);
  }

  /** Makes a TCP connection. */
  static async connect({ port, from }: Route): Promise<Client> {
    const local = from === undefined ? {} : { localAddress: from };
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true, ...local });
    await once(socket, "connect");
    return new Client(socket);
  }

  /**
   * Makes a connection and opens it.
   *
   * @throws Error - when it is refused
   */
  static async open(route: Route, target = "/", fields: Readonly<Record<string, string>> = {}): Promise<Client> {
    const client = await Client.connect(route);
    client.write(handshake(target, fields));
    const head = await client.head();
    if (head?.status === 101) return client;
    client.reset();
    throw new Error(`expected 101, got ${head?.text ?? "nothing"}`);
  }

  /** True once no byte will come any more. */
  get over(): boolean {
    return this.#over;
  }

  /** Writes the bytes unchanged and does not wait. Returns false when the buffer of the socket is full. */
  write(bytes: Uint8Array | string): boolean {
    return this.#socket.write(bytes);
  }

  /** Waits until what was written has left. */
  async drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#over) return;
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
  }

  /** Reads no byte more, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** The head of the answer; undefined when the connection ended before it was whole. */
  async head(): Promise<Head | undefined> {
    while (!this.#head.includes(END_OF_HEAD)) {
      if (this.#over) return undefined;
      await this.#more();
    }
    const end = this.#head.indexOf(END_OF_HEAD) + END_OF_HEAD.length;
    const text = this.#head.slice(0, end);
    this.#decoder.push(Buffer.from(this.#head.slice(end), "latin1"));
    this.#isOpen = true;
    return { status: Number(text.slice(9, 12)), text };
  }

  /** The next frame; undefined when none will come. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame !== undefined) return frame;
      if (this.#over) return undefined;
      await this.#more();
    }
  }

  /** Waits until the server has ended its side. */
  async ended(): Promise<void> {
    while (!this.#over) await this.#more();
  }

  /** Ends this side: a FIN. */
  end(): void {
    this.#socket.end();
  }

  /** Ends both sides with a reset, so that no port stays in TIME_WAIT. */
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
  // Nobody waits.
}
