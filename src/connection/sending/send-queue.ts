import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { headerSize } from "../../protocol/frame-encoder.ts";
import { Fifo } from "../../util/fifo.ts";
import { LARGEST_CUT } from "./slab.ts";

/** A message that waits: a text or binary payload, or a whole frame that others send too. */
export interface QueuedMessage {
  /** What the bytes are. */
  kind: "text" | "binary" | "frame";
  /** The payload, or the frame. */
  bytes: Bytes;
  /** Bytes that it had when it was added: it may be the user's memory, which may have been detached or resized since. */
  size: number;
  /** Under the policy "latest": what it is the latest of. */
  readonly key: string | undefined;
}

/** Bytes that a message takes which waits by itself, besides its own: an object, a `Buffer` and its memory (measured: 240). */
const ENTRY = 256;

/** So many are counted by their own bytes alone. */
const FREE = 1000;

/** What messages that wait one by one are taken for: their bytes, or their number where many short ones take more than that. */
export function chargeFor(count: number, size: number): number {
  return Math.max(size, (count - FREE) * ENTRY);
}

/**
 * Messages that wait one by one for a peer that is slow, so that each can still be dropped: for the policies
 * "drop-oldest" and "latest". A connection has one only while its stream is full.
 */
export class SendQueue {
  readonly #items = new Fifo<QueuedMessage>();
  #size = 0;
  /** The one item of each key, since `conflate` was called. */
  #latest: Map<string | undefined, QueuedMessage> | undefined;

  /** Bytes that wait, frame headers and all. */
  get size(): number {
    return this.#size;
  }

  /** What they are taken for, in bytes: see `heldBy`. */
  get chargedSize(): number {
    return chargeFor(this.count, this.#size);
  }

  /** Messages that wait. */
  get count(): number {
    return this.#items.length;
  }

  /**
   * Adds a message. Short bytes are copied: they are the caller's again.
   *
   * @returns whether it took the place of an older one with its key
   */
  add(kind: QueuedMessage["kind"], bytes: Bytes, key?: string): boolean {
    const kept = kind === "binary" && bytes.length <= LARGEST_CUT ? asBytes(Buffer.from(bytes)) : bytes;
    const older = this.#latest?.get(key);
    if (older !== undefined) {
      this.#size -= sizeOf(older);
      older.kind = kind;
      older.bytes = kept;
      older.size = kept.length;
      this.#size += sizeOf(older);
      return true;
    }
    const item: QueuedMessage = { kind, bytes: kept, size: kept.length, key };
    this.#latest?.set(key, item);
    this.#items.push(item);
    this.#size += sizeOf(item);
    return false;
  }

  /** Whether a message with this key would take the place of one that waits. */
  has(key: string | undefined): boolean {
    return this.#latest?.has(key) ?? false;
  }

  /** Takes out the oldest. */
  take(): QueuedMessage | undefined {
    const item = this.#items.shift();
    if (item === undefined) return undefined;
    this.#size -= sizeOf(item);
    if (this.#latest?.get(item.key) === item) this.#latest.delete(item.key);
    return item;
  }

  /** Drops the oldest until no more than `limit` bytes are held. Returns how many messages those were. */
  dropTo(limit: number): number {
    const before = this.count;
    while (this.chargedSize > limit && this.count > 0) this.take();
    return before - this.count;
  }

  /**
   * Keeps only the newest message of each key, and from here on puts every new one in the place of the one before it.
   * Returns how many messages were dropped.
   */
  conflate(): number {
    if (this.#latest !== undefined) return 0;
    const before = this.count;
    const latest = new Map<string | undefined, QueuedMessage>();
    // The newest is set last; what is deleted first goes to the end, so the order of what is kept stays that of sending.
    for (const item of this.#items) {
      latest.delete(item.key);
      latest.set(item.key, item);
    }
    this.#latest = latest;
    this.#items.clear();
    this.#size = 0;
    for (const item of latest.values()) {
      this.#items.push(item);
      this.#size += sizeOf(item);
    }
    return before - this.count;
  }
}

function sizeOf({ kind, size }: QueuedMessage): number {
  return kind === "frame" ? size : headerSize(size, false) + size;
}
