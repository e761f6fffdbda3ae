import { Fifo } from "../util/fifo.ts";
import type { Appended } from "./contract.ts";
import type { Expiring } from "./expiry.ts";

/** Milliseconds for which an id is known. */
export const ID_TTL = 120_000;

/** The most ids that are known at the same time: those of 2,000 messages a second. They take about 100 MB. */
const MAX_IDS = 250_000;

/** Where a message was stored. */
interface Known {
  readonly key: string;
  readonly stored: Appended;
  readonly at: number;
}

/** The ids that applications gave to their messages, for two minutes. Times come from the caller's clock. */
export class RecentIds implements Expiring {
  dueIn: number | undefined;
  readonly #max: number;
  readonly #known = new Map<string, Known>();
  /** The same, the oldest first. */
  readonly #inOrder = new Fifo<Known>();
  #forgotten = 0;

  /** @param max how many are known at most */
  constructor(max = MAX_IDS) {
    this.#max = max;
  }

  /** How many are known. */
  get size(): number {
    return this.#known.size;
  }

  /** How many were forgotten before their time, because there were too many. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get dueAt(): number {
    return (this.#inOrder.first?.at ?? 0) + ID_TTL;
  }

  /** Where the message with this id was stored; undefined: not within two minutes. */
  find(topic: string, id: string, now: number): Appended | undefined {
    this.expire(now);
    return this.#known.get(keyOf(topic, id))?.stored;
  }

  /** Notes where a message was stored. Its id must not be known. */
  add(topic: string, id: string, stored: Appended, now: number): void {
    const known = { key: keyOf(topic, id), stored, at: now };
    this.#known.set(known.key, known);
    this.#inOrder.push(known);
    if (this.#known.size <= this.#max) return;
    this.#forgotten++;
    this.#dropOldest();
  }

  /** Forgets what is older than two minutes. */
  expire(now: number): void {
    while (this.#known.size > 0 && this.dueAt <= now) this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#inOrder.shift();
    if (oldest !== undefined) this.#known.delete(oldest.key);
  }
}

/** No topic has the character between them. */
function keyOf(topic: string, id: string): string {
  return `${topic}\0${id}`;
}
