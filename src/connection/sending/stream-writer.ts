import type { Duplex } from "node:stream";

import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { bufferedIn } from "../transport/direct-write.ts";
import { WriteResult, notifyWhenTaken, uncork, write } from "../transport/stream.ts";
import { sendBudget } from "./send-budget.ts";

/**
 * Writes the bytes of a write buffer to the stream, and knows whether the stream is full. It is the base class of the
 * write buffer, not a field, because every connection has one: this saves an object.
 */
export abstract class StreamWriter {
  readonly #stream: Duplex;
  /** Whether the stream is one of Node's own sockets. Only these may get strings, or memory that is shared or used again. */
  protected readonly socket: boolean;
  #full = false;
  /** Whether nothing waits in the stream. The field saves a call to the stream for each connection. */
  #empty = false;
  #bytesWritten = 0;

  constructor(stream: Duplex, socket: boolean) {
    this.#stream = stream;
    this.socket = socket;
  }

  /** Whether the stream is full: it wants no more bytes until its "drain" event. */
  get isFull(): boolean {
    return this.#full;
  }

  /** The number of bytes written to the stream, in 32 bits: it overflows, so only differences are useful. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Whether nothing waits in the stream. */
  protected get isStreamEmpty(): boolean {
    return this.#empty;
  }

  /** The bytes that wait before the stream and in it. Texts that are not encoded yet may need more than is counted here. */
  protected abstract get unsentSize(): number;

  /** The bytes that wait in the stream. */
  protected get bytesInStream(): number {
    return this.#empty ? 0 : bufferedIn(this.#stream);
  }

  /** Asks for a "drain" event when the stream has taken all its bytes, though the stream is not full. */
  notifyWhenTaken(): void {
    notifyWhenTaken(this.#stream);
  }

  /** The stream keeps what is written from now on, until `uncork()` writes it all at once. */
  protected cork(): void {
    this.#stream.cork();
  }

  /** Writes what the stream has kept since `cork()`. */
  protected uncork(): void {
    const whole = uncork(this.#stream);
    this.#empty = bufferedIn(this.#stream) === 0;
    if (!whole) this.setFull(true);
  }

  /**
   * Writes bytes to the stream, or a string in which each character is one byte.
   *
   * @param shared whether other code also reads or writes this memory
   * @returns whether the system has taken all the bytes, so that their memory may be used again
   */
  protected writeToStream(bytes: Bytes | string, shared: boolean): boolean {
    this.#bytesWritten = (this.#bytesWritten + bytes.length) | 0;
    const ownBytes = shared && !this.socket && typeof bytes !== "string" ? copyOf(bytes) : bytes;
    const written = write(this.#stream, ownBytes);
    this.#empty = written === WriteResult.taken || bufferedIn(this.#stream) === 0;
    // A stream that is full stays full until its "drain" event, even if it took this write (a ping).
    this.setFull(this.#full || written === WriteResult.full);
    return written === WriteResult.taken;
  }

  /** Destroys the stream: a frame was written in part, and cannot be completed. */
  protected breakStream(error: Error): void {
    this.#stream.destroy(error);
  }

  /** Ends the stream after everything that was written. */
  protected endStream(): void {
    // There is no "drain" event after `end()`.
    if (this.#full) this.#stream.end(() => this.leaveBudget());
    else this.#stream.end();
  }

  /** While the stream is full, the budget of the process must know the number of waiting bytes. */
  protected updateBudget(): void {
    if (this.#full) sendBudget.set(this, this.unsentSize);
  }

  /** The stream is gone: the budget counts nothing for it any more. */
  protected leaveBudget(): void {
    sendBudget.clear(this);
  }

  /** Notes whether the stream is full, and updates the budget. */
  protected setFull(full: boolean): void {
    if (!full && this.#full) sendBudget.clear(this);
    this.#full = full;
    this.updateBudget();
  }
}
