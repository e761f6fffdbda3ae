import { type Bytes, EMPTY, allocate } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";

/**
 * One write to the stream: a run (whole frames of this connection), a large frame in memory of our own, which is used again, frames that
 * other connections write too, or a payload.
 * The header of a payload is at the end of the run before it, so nothing may be written between these two.
 */
export interface QueuedWrite {
  /** Says what `bytes` holds. */
  readonly kind: "run" | "own" | "shared" | "payload";
  /** The bytes to write. */
  readonly bytes: Bytes;
  /** The length of `bytes` when it was added. A payload is the caller's memory, which may be detached or resized later. */
  readonly size: number;
  /** The number of messages that end in it. */
  readonly messages: number;
}

/** The next run is joined to a waiting run that has fewer bytes than this. */
export const COALESCE_BELOW = 4096;

/** The queued writes of a write buffer, in the order of writing. Most connections never have one. */
export class WriteQueue {
  /** A pong that leaves before the queued writes. Only the latest ping needs an answer (RFC 6455 5.5.3). */
  pong: Bytes | undefined;
  readonly #list = new Fifo<QueuedWrite>();

  /** The number of messages that end in the queued writes. */
  get messages(): number {
    let messages = 0;
    for (const queued of this.#list) messages += queued.messages;
    return messages;
  }

  /** Whether the queue is empty. */
  get empty(): boolean {
    return this.#list.length === 0;
  }

  /** Removes and returns the pong. */
  takePong(): Bytes | undefined {
    const { pong } = this;
    this.pong = undefined;
    return pong;
  }

  /** Adds a queued write. */
  push(kind: QueuedWrite["kind"], bytes: Bytes, messages: number): void {
    this.#list.push({ kind, bytes, size: bytes.length, messages });
  }

  /**
   * Adds a run while the stream is full. The run is copied, so that a slow reader does not keep a whole slab in memory. It
   * is joined to the run before it if that is short, so that a thousand short messages do not make a thousand writes.
   */
  pushCopied(run: Bytes, messages: number): void {
    const { last } = this.#list;
    const isJoined = last?.kind === "run" && last.bytes.length < COALESCE_BELOW;
    if (isJoined) this.#list.pop();
    const before = isJoined ? last.bytes : EMPTY;
    const copy = allocate(before.length + run.length);
    copy.set(before);
    copy.set(run, before.length);
    this.push("run", copy, messages + (isJoined ? last.messages : 0));
  }

  /** Removes and returns the only thing that waits; undefined if there is more, or a pong. It needs no cork. */
  takeOnly(): QueuedWrite | undefined {
    return this.#list.length === 1 && this.pong === undefined ? this.#list.shift() : undefined;
  }

  /** Drops all queued writes, and the pong. */
  clear(): void {
    this.pong = undefined;
    this.#list.clear();
  }

  /** Removes and returns the first queued write. Without `takesAny` only a payload is taken: its header was already written. */
  shift(takesAny: boolean): QueuedWrite | undefined {
    return takesAny || this.#list.first?.kind === "payload" ? this.#list.shift() : undefined;
  }
}
