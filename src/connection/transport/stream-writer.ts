import { type Duplex, finished } from "node:stream";

import { type Bytes, EMPTY, copyOf } from "../../protocol/bytes.ts";
import { bufferedIn, isNodeSocket, mayWriteDirectly, memoryChangedError, writeDirectly } from "./direct-write.ts";
import { isLargeWrite, writeInPieces } from "./large-writes.ts";
import { isInsideWritev, outsideWritev } from "./inside-writev.ts";
import { destroyStream } from "./stream-destroy.ts";
import { pendingWriteBytes } from "./pending-write-bytes.ts";
import { listenForDrain, reportDrain, reportTaken } from "./stream-events.ts";

/** Payloads of at most this many bytes are copied when they are sent, a quarter of a slab. Larger memory may be the user's. */
export const MAX_COPIED = 16 * 1024;

/**
 * A stream that holds more bytes than this is full, whatever its own high-water mark is: only what waits before a full stream
 * is limited, dropped and counted in the budget of the process. It is 16 times the mark of a socket.
 */
export const MAX_IN_STREAM = 1024 * 1024;

/**
 * Writes to the stream of one connection, and knows whether the stream is full. A user's own `Duplex` may throw instead of
 * failing: that destroys this stream, and nothing else in the turn.
 */
export class StreamWriter {
  /** The stream. */
  readonly stream: Duplex;
  /** Whether the stream is one of Node's own sockets. Only these may get strings, or memory that is shared or used again. */
  readonly isNodeSocket: boolean;
  /** What is known of the stream. The field saves a call to the stream for each message. */
  #state: "empty" | "waiting" | "full" = "waiting";
  #bytesWritten = 0;
  /** The messages that were written since the stream was last empty. A write that the system takes at once is not counted. */
  #messages = 0;

  /** @param nodeSocket whether `stream` is one of Node's own sockets; tests on streams in memory say so themselves */
  constructor(stream: Duplex, nodeSocket = isNodeSocket(stream)) {
    this.stream = stream;
    this.isNodeSocket = nodeSocket;
  }

  /** Whether the stream is full: it wants no more bytes until its "drain" event. */
  get isFull(): boolean {
    return this.#state === "full";
  }

  /** The number of bytes written to the stream, in 32 bits: it overflows, so only differences are useful. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** The bytes that the system has not taken yet, also within one large write. */
  get pendingBytes(): number {
    return pendingWriteBytes(this.stream);
  }

  /** The number of bytes that the system has taken, in 32 bits. */
  get takenBytes(): number {
    return (this.#bytesWritten - this.pendingBytes) | 0;
  }

  /** When the stream is closed: the messages in it that the system had not taken, as far as is known. */
  get untakenMessages(): number {
    return this.isFull ? this.#messages : 0;
  }

  /** The bytes that wait in the stream. */
  get size(): number {
    return this.#state === "empty" ? 0 : bufferedIn(this.stream);
  }

  /** The same; `Infinity` while the stream is full. */
  get backlog(): number {
    if (this.#state === "empty") return 0;
    return this.isFull ? Infinity : bufferedIn(this.stream);
  }

  /**
   * Writes bytes to the stream, or a string in which each character is one byte.
   *
   * @param shared whether other code also reads or writes this memory
   * @param messages the number of messages that end in these bytes
   * @returns whether the system has taken all the bytes, so that their memory may be used again
   */
  write(bytes: Bytes | string, shared: boolean, messages = 0): boolean {
    this.#bytesWritten = (this.#bytesWritten + bytes.length) | 0;
    const stream = this.stream;
    try {
      // A stream that is full stays full until its "drain" event, even if it takes this write (a ping).
      if (mayWriteDirectly(stream)) {
        const taken = writeDirectly(stream, bytes, reportDrain);
        if (!taken) {
          this.#state = "full";
          this.#messages = messages;
        } else if (!this.isFull) this.#state = "empty";
        return taken;
      }
      this.#messages = bufferedIn(stream) === 0 ? messages : this.#messages + messages;
      if (!this.isNodeSocket && isInsideWritev(stream)) this.#writeLater(bytes, shared);
      else if (!this.#writeToQueue(bytes, shared)) {
        this.#state = "full";
        // It was ended by what the peer answered during the write: no "drain" event follows.
        if (stream.writableEnded) stream.once("finish", () => this.onDrain());
        else listenForDrain(stream);
      } else this.#noteTaken();
    } catch (error) {
      this.#fail(error);
    }
    return false;
  }

  /**
   * Writes memory that had `size` bytes when the frame's header was written: the application may have changed that since.
   *
   * @returns the same as `write`
   */
  writeOf(size: number, bytes: Bytes, messages: number): boolean {
    if (bytes.length === size) return this.write(bytes, true, messages);
    this.destroy(memoryChangedError());
    return false;
  }

  /** The stream keeps what is written from now on, until `uncork()` writes it all at once. */
  cork(): void {
    this.stream.cork();
  }

  /** Writes what the stream has kept since `cork()`. */
  uncork(): void {
    try {
      this.stream.uncork();
      this.#noteTaken();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The stream has emitted "drain": it is not full any more. */
  onDrain(): void {
    this.#state = "waiting";
  }

  /**
   * Asks for a call of the listener's `onTaken` when the stream has taken all its bytes. A full stream reports that by itself
   * (`onDrain`); one that is not full does not.
   */
  notifyWhenTaken(): void {
    const { stream } = this;
    // An empty write after all that waits: its callback is called in order.
    this.#attempt(() => stream.write(EMPTY, () => reportTaken(stream)));
  }

  /** Treats the stream as full until it has taken all its bytes. */
  treatAsFull(): void {
    if (this.isFull) return;
    this.#state = "full";
    this.#attempt(() => this.#askForDrain());
  }

  /** Ends the stream after everything that was written. If it is full, `ended` is called then: no "drain" event follows. */
  end(ended: () => void): void {
    this.#attempt(() => {
      this.#endStream((error) => {
        this.#onTakenAtEnd(error, ended);
      });
      // A user's stream need not destroy itself after both ends, nor say that it has.
      if (!this.isNodeSocket) finished(this.stream, () => this.destroy());
    });
  }

  /**
   * Destroys the stream. Its close is reported in any case.
   *
   * @param error why: what was written in part cannot be completed. Default: no error
   */
  destroy(error?: unknown): void {
    if (!this.stream.destroyed) {
      if (bufferedIn(this.stream) === 0) this.#messages = 0;
      this.#state = "full";
    }
    destroyStream(this.stream, error);
  }

  /** Ends the stream. If it is full, `taken` is called when it has taken everything, or has failed. */
  #endStream(taken: (error?: Error | null) => void): void {
    const { stream } = this;
    if (this.isFull && this.isNodeSocket) {
      stream.end(taken);
      return;
    }
    // Its "finish" event may never come, although it has taken everything.
    if (this.isFull) stream.write(EMPTY, taken);
    stream.end();
  }

  #onTakenAtEnd(error: Error | null | undefined, ended: () => void): void {
    if (!error) this.#state = "waiting";
    ended();
  }

  /** Writes after the stream's `_writev` has returned. The stream is full until it has taken these bytes. */
  #writeLater(bytes: Bytes | string, shared: boolean): void {
    const own = shared && typeof bytes !== "string" ? copyOf(bytes) : bytes;
    const wasFull = this.isFull;
    this.#state = "full";
    this.#attempt(() => {
      const wants = this.#writeToQueue(own, false);
      if (!wasFull) this.#askForDrain();
      else if (!wants) listenForDrain(this.stream);
    });
  }

  /** Reports a drain when the stream has taken all that it has: for one that has no "drain" event of its own. */
  #askForDrain(): void {
    const { stream } = this;
    stream.write(EMPTY, (error) => {
      if (!error) reportDrain(stream);
    });
  }

  /** Does something with the stream, which may throw; not while Node would lose it. */
  #attempt(action: () => void): void {
    const guarded = (): void => {
      try {
        action();
      } catch (error) {
        this.#fail(error);
      }
    };
    if (this.isNodeSocket) guarded();
    else outsideWritev(this.stream, guarded);
  }

  /** Writes with the stream's own `write`. Returns whether the stream wants more. */
  #writeToQueue(bytes: Bytes | string, shared: boolean): boolean {
    const stream = this.stream;
    if (typeof bytes === "string") {
      // Another stream may ignore the encoding.
      return wantsMore(
        isNodeSocket(stream) ? stream.write(bytes, "latin1") : stream.write(Buffer.from(bytes, "latin1")),
      );
    }
    const own = shared && !this.isNodeSocket ? copyOf(bytes) : bytes;
    if (own.length <= MAX_COPIED) return wantsMore(stream.write(own));
    const { length } = own;
    const taken = (): void => {
      if (own.length !== length) this.destroy(memoryChangedError());
    };
    return wantsMore(isLargeWrite(stream, length) ? writeInPieces(stream, own, taken) : stream.write(own, taken));
  }

  /** Notes whether the stream has taken everything. Only its "drain" event says that it is not full any more. */
  #noteTaken(): void {
    if (this.isFull) return;
    const waiting = bufferedIn(this.stream);
    this.#state = waiting === 0 ? "empty" : "waiting";
    if (waiting > MAX_IN_STREAM) this.treatAsFull();
  }

  #fail(error: unknown): void {
    this.#state = "full";
    this.destroy(error);
  }
}

/** Only `false` says that a stream is full, as in Node's `pipe`: a `write` that an application wrapped may return nothing. */
function wantsMore(result: unknown): boolean {
  return result !== false;
}
