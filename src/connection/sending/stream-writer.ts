import type { Duplex } from "node:stream";

import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { bufferedIn } from "../transport/direct-write.ts";
import { WriteResult, notifyWhenTaken, uncork, write } from "../transport/stream.ts";
import { sendBudget } from "./send-budget.ts";

/**
 * Where an outbox's bytes leave: a stream, and whether it is full. It is the outbox's base and not its part, because
 * every connection has one: an object less.
 */
export abstract class StreamWriter {
  readonly #stream: Duplex;
  /** The stream is a socket of Node's own: it may be given strings, and memory that others read or write too. */
  protected readonly socket: boolean;
  #full = false;
  /** Nothing waits in the stream: a loop over all connections need not ask each stream. */
  #empty = false;
  #handed = 0;

  constructor(stream: Duplex, socket: boolean) {
    this.#stream = stream;
    this.socket = socket;
  }

  /** True while the stream takes no more. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Bytes that were handed to the stream, in 32 bits: only differences mean something. */
  get bytesWritten(): number {
    return this.#handed;
  }

  /** Nothing waits in the stream. */
  protected get isStreamEmpty(): boolean {
    return this.#empty;
  }

  /** Bytes that wait before the stream and in it, as far as can be told without encoding anything. */
  protected abstract get unsentSize(): number;

  /** Bytes that wait in the stream. */
  protected get inStream(): number {
    return this.#empty ? 0 : bufferedIn(this.#stream);
  }

  /** Has its listener told (`drained`) once the stream has taken what it has, though there is room for more. */
  notifyWhenTaken(): void {
    notifyWhenTaken(this.#stream);
  }

  /** Holds what is put until `letGo()`: it leaves as one. */
  protected cork(): void {
    this.#stream.cork();
  }

  /** Lets go what was put since `cork()`. */
  protected uncork(): void {
    const whole = uncork(this.#stream);
    this.#empty = bufferedIn(this.#stream) === 0;
    if (!whole) this.setFull(true);
  }

  /**
   * Hands bytes to the stream, or a string with one character a byte.
   *
   * @param shared whether others read or write the memory too
   * @returns whether the operating system has taken all of it, so that its memory may be used again
   */
  protected writeToStream(bytes: Bytes | string, shared: boolean): boolean {
    this.#handed = (this.#handed + bytes.length) | 0;
    const own = shared && !this.socket && typeof bytes !== "string" ? copyOf(bytes) : bytes;
    const written = write(this.#stream, own);
    this.#empty = written === WriteResult.taken || bufferedIn(this.#stream) === 0;
    // A ping for a full stream does not make it less full: the stream tells when it is.
    this.setFull(this.#full || written === WriteResult.full);
    return written === WriteResult.taken;
  }

  /** Destroys the stream: what was written cannot be gone on with. */
  protected breakStream(error: Error): void {
    this.#stream.destroy(error);
  }

  /** Ends the stream behind all that was put. */
  protected endStream(): void {
    // No "drain" comes behind an end.
    if (this.#full) this.#stream.end(() => this.leaveBudget());
    else this.#stream.end();
  }

  /** While the stream is full the process-wide budget knows how much waits. */
  protected updateBudget(): void {
    if (this.#full) sendBudget.set(this, this.unsentSize);
  }

  /** The stream is gone. */
  protected leaveBudget(): void {
    sendBudget.clear(this);
  }

  /** Notes whether the stream takes more, and has the budget know. */
  protected setFull(full: boolean): void {
    if (!full && this.#full) sendBudget.clear(this);
    this.#full = full;
    this.updateBudget();
  }
}
