import { connect } from "node:net";
import type { Socket } from "node:net";
import { agreedWindow } from "../wire/deflate.ts";
import type { OpeningMessage } from "../wire/dialects.ts";
import { ACCEPT } from "../wire/handshake.ts";
import type { Counter, Traffic } from "./traffic.ts";

/** The settings and callbacks that all clients of a run share. */
export interface Shared {
  readonly port: number;
  readonly request: string;
  readonly opening: readonly OpeningMessage[];
  readonly traffic: Traffic;
  /** Whether received bytes are checked. Those of idle connections are not: a server may send pings. */
  readonly checksAnswers: boolean;
  /** Is called when the connection is open and `client` may send. */
  onOpen(client: Client): void;
  /** Is called when `count` more answers have arrived completely. */
  onReplies(client: Client, count: number): void;
  onFailure(why: string): void;
}

// One buffer for all connections: each chunk is processed before the next one is read.
const readBuffer = Buffer.allocUnsafe(256 * 1024);

const MAX_HEAD = 16 * 1024;

/** One connection of the load generator: a raw socket that knows which bytes it must receive. */
export class Client {
  readonly #shared: Shared;
  readonly #socket: Socket;
  readonly #answers: Counter;
  /** The number of the next message. */
  #next: number;
  /** The bytes that have arrived since the connection is open. */
  #received = 0;
  #open = false;
  #closing = false;
  /** The bytes that arrived before the connection was open, and the number of opening messages that were exchanged. */
  #head = "";
  #exchanged = -1;

  /**
   * @param shared - the same for all clients
   * @param first - the number of its first message, and of the first answer
   */
  constructor(shared: Shared, first = 0) {
    this.#shared = shared;
    this.#next = first;
    this.#answers = shared.traffic.counter(first);
    this.#socket = connect({
      port: shared.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length, chunk) => this.#read(length, chunk as Buffer) },
    });
    this.#socket.on("connect", () => this.#socket.write(shared.request));
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("end", () => this.#fail("closed by the server"));
  }

  /** Sends `count` messages in one write. `count` is at most the depth of the run. */
  send(count: number): void {
    this.#socket.write(this.#shared.traffic.frames(this.#next, count));
    this.#next += count;
  }

  /** The bytes that have arrived since the connection is open. */
  get received(): number {
    return this.#received;
  }

  /** Resets the connection, so that no port stays in TIME_WAIT. */
  reset(): void {
    this.#closing = true;
    this.#socket.resetAndDestroy();
  }

  #read(length: number, chunk: Buffer): boolean {
    if (this.#closing) return true;
    if (!this.#open) {
      this.#readOpening(chunk.toString("latin1", 0, length));
      return true;
    }
    this.#received += length;
    if (!this.#shared.checksAnswers) return true;
    try {
      const count = this.#answers.count(chunk, length);
      if (count > 0) this.#shared.onReplies(this, count);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  /** Reads the HTTP response, then the opening messages of the dialect. Each of these is one short frame. */
  #readOpening(text: string): void {
    this.#head += text;
    if (this.#exchanged < 0) {
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) {
        if (this.#head.length > MAX_HEAD) this.#fail("the head of the HTTP response is too long");
        return;
      }
      if (!this.#head.startsWith("HTTP/1.1 101 ") || !this.#head.includes(ACCEPT)) return this.#fail(this.#head);
      const agreed = agreedWindow(this.#head.slice(0, end)) ?? 0;
      if (!this.#agrees(agreed)) return;
      this.#head = this.#head.slice(end + 4);
      this.#exchanged = 0;
    }
    const { opening } = this.#shared;
    while (this.#exchanged < opening.length) {
      const frame = shortFrame(this.#head);
      if (frame === undefined) return;
      const message = opening[this.#exchanged]!;
      if (!frame.text.startsWith(message.expected))
        return this.#fail(`expected ${message.expected}, got ${frame.text}`);
      if (message.answer) this.#socket.write(message.answer);
      this.#head = this.#head.slice(frame.end);
      this.#exchanged++;
    }
    if (this.#head !== "") return this.#fail("the server sent a frame before the first message");
    this.#open = true;
    this.#shared.onOpen(this);
  }

  /** Checks that both compress, or none. A window that is smaller than a message would make the prepared frames invalid. */
  #agrees(agreed: number): boolean {
    const { window } = this.#shared.traffic;
    if (window === 0 ? agreed === 0 : agreed >= window) return true;
    if (agreed === 0) this.#fail("the server did not agree to compress");
    else if (window === 0) this.#fail("the server compresses without an offer");
    else this.#fail(`the server allows a window of ${agreed} bytes, the messages need ${window}`);
    return false;
  }

  #fail(why: string): void {
    if (this.#closing) return;
    this.reset();
    this.#shared.onFailure(why);
  }
}

/** The unmasked text frame of at most 64 KiB at the start of a text; undefined if it is not complete. */
function shortFrame(text: string): { text: string; end: number } | undefined {
  if (text.length < 2) return undefined;
  const small = text.charCodeAt(1);
  const start = small < 126 ? 2 : 4;
  const length = small < 126 ? small : text.charCodeAt(2) * 256 + text.charCodeAt(3);
  if (!(text.length >= start + length)) return undefined;
  return { text: text.slice(start, start + length), end: start + length };
}
