import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Exchange, Greeting } from "../wire/dialects.ts";
import { ACCEPT } from "../wire/handshake.ts";
import { AnswerCounter } from "./counter.ts";

/** What the clients of a run have in common. */
export interface Shared {
  readonly port: number;
  readonly hello: string;
  readonly greetings: readonly Greeting[];
  readonly exchange: Exchange;
  /** Whether what comes is looked at; idle connections may be pinged in any way. */
  readonly listening: boolean;
  /** `bursts[n]`: n masked frames in one buffer, made once, so that sending is one write of bytes that exist already. */
  readonly bursts: readonly Buffer[];
  /** The connection is open; `client` may send. */
  onOpen(client: Client): void;
  /** `count` more answers have arrived whole. */
  onReplies(client: Client, count: number): void;
  onFailure(why: string): void;
}

// One buffer for all connections: a chunk is looked at before the next is read.
const inbox = Buffer.allocUnsafe(256 * 1024);

const LONGEST_HEAD = 16 * 1024;

/** One connection of the load generator: a raw socket that knows which bytes must come. */
export class Client {
  readonly #shared: Shared;
  readonly #socket: Socket;
  readonly #answers: AnswerCounter;
  #open = false;
  #leaving = false;
  /** What came before the connection was open, and how many greetings are through. */
  #head = "";
  #greeted = -1;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#answers = new AnswerCounter(shared.exchange.reply);
    this.#socket = connect({
      port: shared.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: inbox, callback: (length, chunk) => this.#read(length, chunk as Buffer) },
    });
    this.#socket.on("connect", () => this.#socket.write(shared.hello));
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("end", () => this.#fail("closed by the server"));
  }

  /** Sends `count` messages in one write; `count` is at most the depth of the run. */
  send(count: number): void {
    this.#socket.write(this.#shared.bursts[count]!);
  }

  /** Ends the connection with a reset, so that no port stays in TIME_WAIT. */
  reset(): void {
    this.#leaving = true;
    this.#socket.resetAndDestroy();
  }

  #read(length: number, chunk: Buffer): boolean {
    if (this.#leaving) return true;
    if (!this.#open) {
      this.#greet(chunk.toString("latin1", 0, length));
      return true;
    }
    if (!this.#shared.listening) return true;
    try {
      const count = this.#answers.count(chunk, length);
      if (count > 0) this.#shared.onReplies(this, count);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  /** The HTTP answer, then the greetings of the dialect, each of them one short frame. */
  #greet(text: string): void {
    this.#head += text;
    if (this.#greeted < 0) {
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) {
        if (this.#head.length > LONGEST_HEAD) this.#fail("an HTTP answer without an end");
        return;
      }
      if (!this.#head.startsWith("HTTP/1.1 101 ") || !this.#head.includes(ACCEPT)) return this.#fail(this.#head);
      this.#head = this.#head.slice(end + 4);
      this.#greeted = 0;
    }
    const { greetings } = this.#shared;
    while (this.#greeted < greetings.length) {
      const frame = shortFrame(this.#head);
      if (frame === undefined) return;
      const greeting = greetings[this.#greeted]!;
      if (!frame.text.startsWith(greeting.hears)) return this.#fail(`expected ${greeting.hears}, got ${frame.text}`);
      if (greeting.says) this.#socket.write(greeting.says);
      this.#head = this.#head.slice(frame.end);
      this.#greeted++;
    }
    if (this.#head !== "") return this.#fail("a frame before anything was sent");
    this.#open = true;
    this.#shared.onOpen(this);
  }

  #fail(why: string): void {
    if (this.#leaving) return;
    this.reset();
    this.#shared.onFailure(why);
  }
}

/** The unmasked text frame a text begins with, if it is there whole; up to 64 KiB. */
function shortFrame(text: string): { text: string; end: number } | undefined {
  if (text.length < 2) return undefined;
  const small = text.charCodeAt(1);
  const start = small < 126 ? 2 : 4;
  const length = small < 126 ? small : text.charCodeAt(2) * 256 + text.charCodeAt(3);
  if (!(text.length >= start + length)) return undefined;
  return { text: text.slice(start, start + length), end: start + length };
}
