import { type Bytes, EMPTY, allocate } from "../../protocol/bytes.ts";

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

/** Pieces that were taken are cut off in front when there are this many, and half of all. */
const COMPACT_AT = 64;

/** What an outbox has sealed, in the order in which it leaves. Most connections never have any. */
export class WriteQueue {
  #list: (QueuedWrite | undefined)[] = [];
  /** Where it begins in the list. */
  #first = 0;

  /** Messages that end in the pieces. */
  get messages(): number {
    let messages = 0;
    for (let i = this.#first; i < this.#list.length; i++) messages += this.#list[i]?.messages ?? 0;
    return messages;
  }

  /** True when there is nothing left. */
  get empty(): boolean {
    return this.#first === this.#list.length;
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
    const last = this.empty ? undefined : this.#list.at(-1);
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
    const piece = this.#list[this.#first];
    if (piece === undefined || !(room || piece.kind === "payload")) return undefined;
    // What is written is nobody's any more: not this list's either.
    this.#list[this.#first++] = undefined;
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#list.length) {
      this.#list = this.#list.slice(this.#first);
      this.#first = 0;
    }
    return piece;
  }
}
