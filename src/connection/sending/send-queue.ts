import type { Bytes } from "../../protocol/bytes.ts";
import { headerSize } from "../../protocol/frame-header.ts";
import { Fifo } from "../../util/fifo.ts";
import { type OutgoingMessage, copyIfShort } from "./outgoing-message.ts";
import { SharedMessage, isKept, sharedFrameOf } from "./shared-message.ts";
import { ownKey, utf8Of } from "./waiting-message.ts";

/** A message that waits. */
export interface QueuedMessage {
  /** The message. Its payload is bytes. */
  message: OutgoingMessage;
  /** The length of its payload when it was added. It may be the caller's memory, which may be detached or resized later. */
  length: number;
  /** The bytes of its frame, as long as it is not compressed. */
  size: number;
  /** With the policy "latest": the key of the message. Only the newest message of each key is kept. */
  readonly key: string | undefined;
}

/** The memory of a queued message besides its bytes: the entry, a `Buffer` and its memory (measured: 240 bytes). */
const ENTRY_SIZE = 256;

/** Of a longer key, each character that exceeds this counts too. */
const UNCHARGED_KEY = 64;

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
  /** Messages that no policy drops, and that are older than all of `#items`. */
  readonly #kept = new Fifo<QueuedMessage>();
  #size = 0;
  /** What the keys count for: an application may use long ones. */
  #keySize = 0;
  /** The only message of each key, once `conflate` was called. */
  #latest: Map<string | undefined, QueuedMessage> | undefined;
  readonly #sharesFrames: boolean;

  /** @param sharesFrames whether the frames of messages for many receivers can be kept: not so for a client, which masks */
  constructor(sharesFrames: boolean) {
    this.#sharesFrames = sharesFrames;
  }

  /** The bytes that wait, with their frame headers. */
  get size(): number {
    return this.#size;
  }

  /** The bytes that count towards the limits: see `chargeFor`. */
  get chargedSize(): number {
    return chargeFor(this.count, this.#size + this.#keySize);
  }

  /** The number of messages that wait. */
  get count(): number {
    return this.#kept.length + this.#items.length;
  }

  /**
   * Adds a message. Short bytes are copied: the caller may reuse its memory.
   *
   * @returns whether it replaced an older message with the same key
   */
  add(message: OutgoingMessage): boolean {
    if (isKept(message)) {
      this.#push(this.#itemOf(message, undefined));
      return false;
    }
    const older = this.#latest?.get(message.key);
    if (older !== undefined) {
      if (message instanceof SharedMessage) message.keep();
      const item = this.#itemOf(message, older.key);
      this.#size += item.size - older.size;
      Object.assign(older, item);
      return true;
    }
    const item = this.#itemOf(message, ownKey(message));
    this.#latest?.set(item.key, item);
    this.#push(item);
    return false;
  }

  /** Whether a message with this key would replace one that waits. */
  has(key: string | undefined): boolean {
    return this.#latest?.has(key) ?? false;
  }

  /** Removes and returns the oldest message. */
  shift(): QueuedMessage | undefined {
    const item = this.#kept.shift() ?? this.#items.shift();
    if (item !== undefined) this.#forget(item);
    return item;
  }

  /** Drops the oldest messages until at most `limit` bytes wait, but none that is kept. Returns the number of messages dropped. */
  dropTo(limit: number): number {
    let dropped = 0;
    while (this.chargedSize > limit) {
      const item = this.#items.shift();
      if (item === undefined) break;
      if (isKept(item.message)) this.#kept.push(item);
      else {
        this.#forget(item);
        dropped++;
      }
    }
    return dropped;
  }

  /**
   * Keeps only the newest message of each key, and those that must be kept. From now on, a new message replaces the one with the same key.
   * Returns the number of messages dropped.
   */
  conflate(): number {
    if (this.#latest !== undefined) return 0;
    const items = this.#items;
    const latest = new Map<string | undefined, QueuedMessage>();
    for (const item of items) if (!isKept(item.message)) latest.set(item.key, item);
    this.#latest = latest;
    this.#items = new Fifo();
    const before = this.count + items.length;
    for (const item of items) {
      this.#count(item, -1);
      if (isKept(item.message) || latest.get(item.key) === item) this.#push(item);
    }
    return before - this.count;
  }

  #forget(item: QueuedMessage): void {
    this.#count(item, -1);
    if (this.#latest?.get(item.key) === item) this.#latest.delete(item.key);
  }

  #push(item: QueuedMessage): void {
    this.#items.push(item);
    this.#count(item, 1);
  }

  /** Counts an item, or with -1 no more. */
  #count({ size, key }: QueuedMessage, sign: 1 | -1): void {
    this.#size += sign * size;
    if (key !== undefined && key.length > UNCHARGED_KEY) this.#keySize += sign * (key.length - UNCHARGED_KEY);
  }

  /** The entry of a message, whose `key` is in memory that may wait. */
  #itemOf(message: OutgoingMessage, key: string | undefined): QueuedMessage {
    const frame = sharedFrameOf(message, this.#sharesFrames);
    if (frame !== undefined) return { message, length: (message.payload as Bytes).length, size: frame.length, key };
    const { opcode, compression } = message;
    const payload = ownBytes(message.payload as string | Bytes);
    const { length } = payload;
    const size = headerSize(length, !this.#sharesFrames) + length;
    return { message: { opcode, payload, key, compression }, length, size, key };
  }
}

/** The bytes of a payload, which may wait. */
function ownBytes(payload: string | Bytes): Bytes {
  return typeof payload === "string" ? utf8Of(payload) : copyIfShort(payload);
}
