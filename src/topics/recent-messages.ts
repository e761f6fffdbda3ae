import { NO_ID } from "../backplane/ids.ts";
import type { HistoryRule, Mark } from "../backplane/contract.ts";
import { Fifo } from "../util/fifo.ts";
import { type Linked, LinkedList } from "../util/linked-list.ts";
import type { StoredMessage } from "./stored-message.ts";

/** The memory that the newest messages of all topics of a server may take. */
export class MemoryBudget {
  /** Bytes. */
  used = 0;
  /** How many messages were removed because there was no more memory. */
  removed = 0;
  readonly #max: number;
  /** Those that have messages; first the one to which a message was added the longest ago. */
  readonly #filled = new LinkedList<RecentMessages>();

  /** @param max bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** A message of this many bytes was added. Above the limit, the oldest ones of the topic that was published to the longest ago go first. */
  add(recent: RecentMessages, size: number): void {
    this.used += size;
    this.#filled.add(recent);
    for (let { first } = this.#filled; this.used > this.#max && first !== undefined; { first } = this.#filled) {
      first.removeOldest();
      this.removed++;
    }
  }

  /** A message of this many bytes was removed. */
  remove(recent: RecentMessages, size: number): void {
    this.used -= size;
    if (recent.length === 0) this.#filled.delete(recent);
  }

  /** Removes what is older than the rules allow, of all topics. */
  removeOld(now: number): void {
    for (const recent of this.#filled) recent.removeOld(now);
  }
}

/** A message, and when it came. */
interface Kept {
  readonly message: StoredMessage;
  readonly at: number;
}

/** The newest messages of one topic, without a hole. A subscriber that has missed one of them gets it from here, without the broker. */
export class RecentMessages implements Linked {
  list: unknown;
  previous: Linked | undefined;
  next: Linked | undefined;
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
    if (message.lost !== undefined) this.#markers++;
    while (this.length - this.#markers > this.#rule.size) this.removeOldest();
    this.removeOld(now);
    this.#memory.add(this, message.size);
  }

  /** Removes what is older than the rule allows. */
  removeOld(now: number): void {
    for (let { first } = this.#kept; first !== undefined && first.at + this.#rule.ttl < now; { first } = this.#kept)
      this.removeOldest();
  }

  /** Removes the oldest message. */
  removeOldest(): void {
    const oldest = this.#kept.shift();
    if (oldest === undefined) return;
    if (oldest.message.lost !== undefined) this.#markers--;
    this.#memory.remove(this, oldest.message.size);
  }

  /** Removes all. */
  clear(): void {
    while (this.length > 0) this.removeOldest();
  }

  /** Whether the message after a mark is here, or would be the first one here: so what follows the mark is known. */
  knows(mark: Mark, now: number): boolean {
    this.removeOld(now);
    return this.#indexAfter(mark) !== undefined;
  }

  /** The message after a mark; undefined: it is not here. */
  after(mark: Mark, now: number): StoredMessage | undefined {
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
}
