import { type Bytes, EMPTY, allocate } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";

/**
 * Something to be written by itself: a run of private frames, frames that others write too, or a payload whose header is
 * the end of the run before it, so that nothing may come between them.
 */
export interface QueuedWrite {
  /** Of what it is made. */
  readonly kind: "run" | "shared" | "payload";
  /** What is to be written. */
  readonly bytes: Bytes;
  /** Bytes that it had when it was added: a payload is the user's memory, which may have been detached or resized since. */
  readonly size: number;
  /** Messages that end in it. */
  readonly messages: number;
}

/** Bytes below which a run that waits takes in the one after it. */
export const JOINED_BELOW = 4096;

/** What an outbox has sealed, in the order in which it leaves. Most connections never have any. */
export class WriteQueue {
  readonly #list = new Fifo<QueuedWrite>();

  /** Messages that end in the pieces. */
  get messages(): number {
    let messages = 0;
    for (const piece of this.#list) messages += piece.messages;
    return messages;
  }

  /** True when there is nothing left. */
  get empty(): boolean {
    return this.#list.length === 0;
  }

  /** Adds a piece. */
  push(kind: QueuedWrite["kind"], bytes: Bytes, messages: number): void {
    this.#list.push({ kind, bytes, size: bytes.length, messages });
  }

  /**
   * Adds a run for a stream that is full: with memory of its own, so that a slow reader does not keep a whole slab, and
   * together with the run before it if that is short, so that a thousand short messages are not a thousand pieces.
   */
  pushWaiting(run: Bytes, messages: number): void {
    const last = this.#list.last;
    const joins = last?.kind === "run" && last.bytes.length < JOINED_BELOW;
    if (joins) this.#list.pop();
    const before = joins ? last.bytes : EMPTY;
    const own = allocate(before.length + run.length);
    own.set(before);
    own.set(run, before.length);
    this.push("run", own, messages + (joins ? last.messages : 0));
  }

  /** Takes out the first piece: a payload in any case, for its header is written; another only where there is `room`. */
  take(room: boolean): QueuedWrite | undefined {
    return room || this.#list.first?.kind === "payload" ? this.#list.shift() : undefined;
  }
}
