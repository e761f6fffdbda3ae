import { NO_ID } from "../backplane/ids.ts";
import type { HistoryRule, Mark } from "../backplane/contract.ts";
import { Fifo } from "../util/fifo.ts";
import type { StoredMessage } from "./stored-message.ts";

/** The memory that the newest messages of all topics of a server may take. */
export class MemoryBudget {
  /** Bytes. */
  used = 0;
  /** How many messages were removed because there was no more memory. */
  removed = 0;
  readonly #max: number;

  /** @param max bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether there is too little. */
  get isOver(): boolean {
    return this.used > this.#max;
  }
}

/** A message, and when it came. */
interface Kept {
  readonly message: StoredMessage;
  readonly at: number;
}

/** The newest messages of one topic, without a hole. A subscriber that has missed one of them gets it from here, without the broker. */
export class RecentMessages {
  readonly #rule: HistoryRule;
  readonly #memory: MemoryBudget;
  readonly #kept = new Fifo<Kept>();
  /** How many of them are markers: those are kept besides the messages. */
  #markers = 0;

  constructor(rule: HistoryRule, memory: MemoryBudget) {
    this.#rule = rule;
    this.#memory = memory;
  }

  /** How many there are. */
  get length(): number {
    return this.#kept.length;
  }

  /** The oldest one. */
  get first(): StoredMessage | undefined {
    return this.#kept.first?.message;
  }

  /** The ids of those after a mark; of all of them if it is before them. */
  idsAfter(mark: Mark): string[] {
    const ids: string[] = [];
    for (let index = this.#indexAfter(mark) ?? 0; index < this.length; index++)
      ids.push(this.#kept.at(index)?.message.id ?? NO_ID);
    return ids;
  }

  /**
   * Adds the message that follows the newest one.
   *
   * @param now milliseconds
   */
  add(message: StoredMessage, now: number): void {
    this.#kept.push({ message, at: now });
    this.#memory.used += message.size;
    if (message.lost !== undefined) this.#markers++;
    while (this.length - this.#markers > this.#rule.size) this.#removeOldest();
    this.removeOld(now);
    while (this.#memory.isOver && this.length > 0) {
      this.#removeOldest();
      this.#memory.removed++;
    }
  }

  /** Removes what is older than the rule allows. */
  removeOld(now: number): void {
    for (let { first } = this.#kept; first !== undefined && first.at + this.#rule.ttl < now; { first } = this.#kept)
      this.#removeOldest();
  }

  /** Removes all. */
  clear(): void {
    while (this.length > 0) this.#removeOldest();
  }

  /** Whether the message after a mark is here, or would be the first one here: so what follows the mark is known. */
  knows(mark: Mark, now: number): boolean {
    this.removeOld(now);
    return this.#indexAfter(mark) !== undefined;
  }

  /** The message after a mark; undefined: it is not here. */
  next(mark: Mark, now: number): StoredMessage | undefined {
    this.removeOld(now);
    const index = this.#indexAfter(mark);
    return index === undefined ? undefined : this.#kept.at(index)?.message;
  }

  /** The oldest of the newest `count` messages, without markers; undefined: there may be older ones elsewhere. */
  newest(count: number, now: number): StoredMessage | undefined {
    this.removeOld(now);
    let index = this.length;
    let left = count;
    while (left > 0 && index > 0) if (this.#kept.at(--index)?.message.lost === undefined) left--;
    return left === 0 || this.first?.before === NO_ID ? this.#kept.at(index)?.message : undefined;
  }

  /** Where the message after a mark is, or would be. */
  #indexAfter({ offset, id }: Mark): number | undefined {
    const first = this.#kept.first?.message;
    if (first === undefined || offset < first.offset) return first?.before === id ? 0 : undefined;
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept.at(middle)?.message.offset ?? Infinity) < offset) low = middle + 1;
      else high = middle;
    }
    const found = this.#kept.at(low)?.message;
    return found?.offset === offset && found.id === id ? low + 1 : undefined;
  }

  #removeOldest(): void {
    const oldest = this.#kept.shift();
    if (oldest === undefined) return;
    this.#memory.used -= oldest.message.size;
    if (oldest.message.lost !== undefined) this.#markers--;
  }
}
