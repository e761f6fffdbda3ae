import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Exchange, OpeningMessage } from "../wire/dialects.ts";
import { ACCEPT } from "../wire/handshake.ts";
import { AnswerCounter } from "./counter.ts";

/** The settings and callbacks that all clients of a run share. */
export interface Shared {
  readonly port: number;
  readonly request: string;
  readonly opening: readonly OpeningMessage[];
  readonly exchange: Exchange;
  /** Whether received bytes are checked. Those of idle connections are not: a server may send pings. */
  readonly checksAnswers: boolean;
  /** `bursts[n]` is n masked frames in one buffer. They are created once, so that sending is only one write. */
  readonly bursts: readonly Buffer[];
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
  readonly #answers: AnswerCounter;
  #open = false;
  #closing = false;
  /** The bytes that arrived before the connection was open, and the number of opening messages that were exchanged. */
  #head = "";
  #exchanged = -1;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#answers = new AnswerCounter(shared.exchange.reply);
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
    this.#socket.write(this.#shared.bursts[count]!);
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
