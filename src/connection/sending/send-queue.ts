import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { headerSize } from "../../protocol/frame-encoder.ts";
import { Fifo } from "../../util/fifo.ts";
import { LARGEST_CUT } from "./slab.ts";

/** A message that waits: a text or binary payload, or a whole frame that other connections send too. */
export interface QueuedMessage {
  /** Says what `bytes` holds. */
  kind: "text" | "binary" | "frame";
  /** The payload, or the frame. */
  bytes: Bytes;
  /** The length of `bytes` when it was added. The bytes may be the caller's memory, which may be detached or resized later. */
  size: number;
  /** With the policy "latest": the key of the message. Only the newest message of each key is kept. */
  readonly key: string | undefined;
}

/** The memory of a queued message besides its bytes: the entry, a `Buffer` and its memory (measured: 240 bytes). */
const ENTRY_SIZE = 256;

/** Up to this number of messages, only their bytes are counted. */
const UNCHARGED_COUNT = 1000;

/** The bytes that queued messages count for: their own, or those of their entries if many short messages need more for these. */
export function chargeFor(count: number, size: number): number {
  return Math.max(size, (count - UNCHARGED_COUNT) * ENTRY_SIZE);
}

/**
 * The messages that wait for a slow peer, each by itself, so that each can still be dropped. It serves the policies
 * "drop-oldest" and "latest". A connection has a send queue only while its stream is full.
 */
export class SendQueue {
  #items = new Fifo<QueuedMessage>();
  #size = 0;
  /** The only message of each key, once `conflate` was called. */
  #latest: Map<string | undefined, QueuedMessage> | undefined;

  /** The bytes that wait, with their frame headers. */
  get size(): number {
    return this.#size;
  }

  /** The bytes that count towards the limits: see `chargeFor`. */
  get chargedSize(): number {
    return chargeFor(this.count, this.#size);
  }

  /** The number of messages that wait. */
  get count(): number {
    return this.#items.length;
  }

  /**
   * Adds a message. Short bytes are copied: the caller may reuse its memory.
   *
   * @returns whether it replaced an older message with the same key
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

  /** Whether a message with this key would replace one that waits. */
  has(key: string | undefined): boolean {
    return this.#latest?.has(key) ?? false;
  }

  /** Removes and returns the oldest message. */
  take(): QueuedMessage | undefined {
    const item = this.#items.shift();
    if (item === undefined) return undefined;
    this.#size -= sizeOf(item);
    if (this.#latest?.get(item.key) === item) this.#latest.delete(item.key);
    return item;
  }

  /** Drops the oldest messages until at most `limit` bytes wait. Returns the number of messages dropped. */
  dropTo(limit: number): number {
    const before = this.count;
    while (this.chargedSize > limit && this.count > 0) this.take();
    return before - this.count;
  }

  /**
   * Keeps only the newest message of each key. From now on, a new message replaces the one with the same key. Returns the
   * number of messages dropped.
   */
  conflate(): number {
    if (this.#latest !== undefined) return 0;
    const before = this.count;
    const latest = new Map<string | undefined, QueuedMessage>();
    // A key that is deleted and set again moves to the end of the map: the newest messages keep the order of sending.
    for (const item of this.#items) {
      latest.delete(item.key);
      latest.set(item.key, item);
    }
    this.#latest = latest;
    this.#items = new Fifo();
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
