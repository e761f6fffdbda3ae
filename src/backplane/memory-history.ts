import type { Bytes } from "../protocol/bytes.ts";
import { Fifo } from "../util/fifo.ts";
import type { Linked } from "../util/linked-list.ts";
import type { Entry, HistoryRule, Mark, Page } from "./contract.ts";
import type { Expiring } from "./expiry.ts";
import { NO_ID, randomName } from "./ids.ts";
import { decodePacket, historyPacket } from "./packet.ts";
import { recordId } from "./record.ts";

/** Bytes that one kept message takes besides its record, as measured on Node 20: its objects, and the packet around it. */
export const ENTRY_COST = 640;

/** A page ends after the message with which it has this many bytes. */
const PAGE_SIZE = 1024 * 1024;

/** Milliseconds for which the position of a topic is known after its last message has expired: one day. */
const MEMORY_OF_TOPICS = 24 * 60 * 60 * 1000;

/** What all histories of a broker take together. */
export interface MemoryUse {
  /** Bytes of all kept messages. */
  bytes: number;
}

/** A message that is kept. */
interface Kept extends Entry {
  /** When it was stored. */
  readonly at: number;
}

/** The messages of one topic that are kept in memory, and the place of its newest one. Times come from the caller's clock. */
export class MemoryHistory implements Expiring, Linked {
  /** The topic. */
  readonly topic: string;
  dueIn: number | undefined;
  list: unknown;
  previous: Linked | undefined;
  next: Linked | undefined;
  readonly #epoch = randomName();
  readonly #entries = new Fifo<Kept>();
  readonly #use: MemoryUse;
  #top: Mark = { epoch: this.#epoch, offset: 0, id: NO_ID };
  #ttl: number;
  /** When it was made, or the newest message was stored. */
  #changedAt: number;

  /**
   * @param use counts the bytes of the messages
   * @param ttl milliseconds for which messages are kept, until `append` says another number
   */
  constructor(topic: string, use: MemoryUse, ttl: number, now: number) {
    this.topic = topic;
    this.#use = use;
    this.#ttl = ttl;
    this.#changedAt = now;
  }

  /** The newest message. It may be no longer kept. */
  get top(): Mark {
    return this.#top;
  }

  /** How many messages are kept. */
  get length(): number {
    return this.#entries.length;
  }

  /** When the oldest message expires; without messages: when the topic is forgotten. */
  get dueAt(): number {
    const oldest = this.#entries.first;
    return oldest === undefined ? this.#changedAt + this.#ttl + MEMORY_OF_TOPICS : oldest.at + this.#ttl;
  }

  /** Postpones that the topic is forgotten: somebody still needs it. */
  touch(now: number): void {
    this.#changedAt = now;
  }

  /** Stores records. Returns the packet that tells of them: what is kept are views of it. */
  append(records: readonly Bytes[], { size, ttl }: HistoryRule, now: number): Bytes {
    const packet = historyPacket({ epoch: this.#epoch, first: this.#top.offset + 1, before: this.#top.id }, records);
    for (const record of decodePacket(packet)?.records ?? []) {
      const id = recordId(record);
      const entry = { offset: this.#top.offset + 1, id, before: this.#top.id, record, at: now };
      this.#entries.push(entry);
      this.#top = { epoch: this.#epoch, offset: entry.offset, id };
      this.#use.bytes += record.length + ENTRY_COST;
    }
    this.#ttl = ttl;
    this.#changedAt = now;
    while (this.#entries.length > size) this.dropOldest();
    return packet;
  }

  /** Removes the messages that are too old. */
  expire(now: number): void {
    for (;;) {
      const oldest = this.#entries.first;
      if (oldest === undefined || oldest.at + this.#ttl > now) return;
      this.dropOldest();
    }
  }

  /** Removes the oldest message. */
  dropOldest(): void {
    const oldest = this.#entries.shift();
    if (oldest !== undefined) this.#use.bytes -= oldest.record.length + ENTRY_COST;
  }

  /**
   * Looks for an earlier try of a message. Returns its number, 0 if it was not stored, or undefined if that cannot be known.
   *
   * @param again the newest message before the first try
   */
  findAgain(id: string, again: Mark): number | undefined {
    if (again.epoch !== this.#epoch || again.offset > this.#top.offset) return undefined;
    const skipped = this.#indexAfter(again.offset);
    for (let i = Math.max(skipped, 0); i < this.#entries.length; i++)
      if (this.#entries.at(i)?.id === id) return again.offset + 1 + i - skipped;
    return skipped < 0 ? undefined : 0;
  }

  /** The messages after number `after`, or the newest `-after` if it is negative, up to the size of a page. */
  read(after: number): Page {
    const entries: Entry[] = [];
    const start = this.#indexAfter(after < 0 ? this.#top.offset + after : after);
    let bytes = 0;
    for (let i = Math.max(start, 0); bytes < PAGE_SIZE; i++) {
      const entry = this.#entries.at(i);
      if (entry === undefined) break;
      entries.push(entry);
      bytes += entry.record.length;
    }
    return { epoch: this.#epoch, top: this.#top, proven: undefined, entries };
  }

  /** The index of the message after number `after`. Negative: that many of those after it are no longer kept. */
  #indexAfter(after: number): number {
    return after - (this.#top.offset - this.#entries.length);
  }
}
