import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { handshake } from "../client.ts";
import { FrameDecoder } from "../frames.ts";

/** Bytes that are read at a time. */
const CHUNK = 1024;

/** A subscriber of one topic that reads 1 KB a second, until it may read as fast as it can. */
export class SlowReader {
  /** The numbers of the messages that have come. */
  readonly numbers: number[] = [];
  /** How often it was told that messages are missing. */
  gaps = 0;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  #timer: NodeJS.Timeout | undefined;
  #isSlow = true;
  #head: string | undefined = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#timer = setInterval(() => socket.resume(), 1_000);
  }

  /** Connects, and subscribes. */
  static async open(port: number, topic: string): Promise<SlowReader> {
    // The one who reads is known when the first bytes come.
    const owner: { reader?: SlowReader } = {};
    const onread = {
      buffer: Buffer.alloc(CHUNK),
      callback: (size: number, buffer: Uint8Array) => owner.reader?.onBytes(buffer.subarray(0, size)) ?? true,
    };
    const socket = connect({ port, host: "127.0.0.1", onread });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const reader = (owner.reader = new SlowReader(socket));
    socket.write(handshake("/?user=slow", { "Sec-WebSocket-Protocol": "hawser.v1" }));
    socket.write(maskedText(`\x1es - - ${topic}\n`));
    return reader;
  }

  /** It reads as fast as it can from now on. */
  hurry(): void {
    this.#isSlow = false;
    clearInterval(this.#timer);
    this.#socket.resume();
  }

  /** Ends it. */
  end(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  /** Takes bytes. Returns whether more may come. */
  onBytes(bytes: Uint8Array): boolean {
    let rest = Buffer.from(bytes);
    if (this.#head !== undefined) {
      this.#head += rest.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return true;
      rest = Buffer.from(this.#head.slice(end + 4), "latin1");
      this.#head = undefined;
    }
    this.#decoder.push(rest);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
      const text = frame.payload.toString("latin1", 0, 200);
      if (text.startsWith("\x1eg")) this.gaps++;
      if (text.startsWith("\x1em")) this.numbers.push(Number.parseInt(text.slice(text.indexOf("\n") + 1), 10));
    }
    return !this.#isSlow;
  }
}

/** A text frame with a mask of zeros. */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
