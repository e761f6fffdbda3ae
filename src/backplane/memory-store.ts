import type { Bytes } from "../protocol/bytes.ts";
import { HawserError } from "../errors/errors.ts";
import { LinkedList } from "../util/linked-list.ts";
import { ownText } from "../util/own-text.ts";
import type { AppendOptions, Appended, HistoryRule, Mark, Page } from "./contract.ts";
import { Expiry } from "./expiry.ts";
import { MemoryHistory } from "./memory-history.ts";
import { recordId } from "./record.ts";
import { RecentIds } from "./recent-ids.ts";

/** What a store may keep. */
export interface MemoryLimits {
  /** Bytes of all messages. */
  readonly maxBytes: number;
  /** Topics whose newest position is known. */
  readonly maxTopics: number;
}

/** What was removed before its time, because a limit was reached. */
export interface MemoryCounters {
  /** Messages, for `maxBytes`. */
  readonly trimmed: number;
  /** Topics: their positions are no longer valid. */
  readonly forgottenTopics: number;
  /** Ids that applications gave to their messages. */
  readonly forgottenIds: number;
}

/** What is to be stored: see `Driver.append`. */
export interface MemoryAppend {
  /** The topic. */
  readonly topic: string;
  /** How much of it is kept. */
  readonly rule: HistoryRule;
  /** The records, in their order. */
  readonly records: readonly Bytes[];
  /** Tells of an earlier try. */
  readonly options: AppendOptions;
}

/** What an `append` has done. */
export interface Stored {
  /** What it is answered. */
  readonly appended: Appended;
  /** The packet for those who listen; undefined: it was stored before. */
  readonly packet: Bytes | undefined;
}

/** The histories of all topics of one broker in memory. */
export class MemoryStore {
  readonly #limits: MemoryLimits;
  readonly #now: () => number;
  readonly #isWanted: (topic: string) => boolean;
  readonly #use = { bytes: 0 };
  readonly #topics = new Map<string, MemoryHistory>();
  /** Those that have messages; first the one to which the last one was added the longest ago. */
  readonly #filled = new LinkedList<MemoryHistory>();
  /** The others. */
  readonly #empty = new LinkedList<MemoryHistory>();
  readonly #ids = new RecentIds();
  readonly #expiry: Expiry<MemoryHistory | RecentIds>;
  #trimmed = 0;
  #forgottenTopics = 0;

  /**
   * @param now a clock that never goes back, in milliseconds
   * @param isWanted whether somebody listens to a topic: it is not forgotten then
   */
  constructor(limits: MemoryLimits, now: () => number, isWanted: (topic: string) => boolean) {
    this.#limits = limits;
    this.#now = now;
    this.#isWanted = isWanted;
    this.#expiry = new Expiry<MemoryHistory | RecentIds>(now, this.#onDue);
  }

  /** What was removed before its time. */
  get counters(): MemoryCounters {
    return { trimmed: this.#trimmed, forgottenTopics: this.#forgottenTopics, forgottenIds: this.#ids.forgotten };
  }

  /** Bytes of all messages, with what keeping them takes. */
  get bytes(): number {
    return this.#use.bytes;
  }

  /** How many topics are known. */
  get size(): number {
    return this.#topics.size;
  }

  /** Begins to remove what expires. */
  start(): void {
    this.#expiry.start();
  }

  /** Stops its timer. What expires meanwhile is removed after the next `start`. */
  stop(): void {
    this.#expiry.stop();
  }

  /**
   * Stores records, or finds that they were stored already.
   *
   * @throws {HawserError} HWS_PUBLISH_UNCERTAIN: it cannot be known whether an earlier try stored them
   */
  append(call: MemoryAppend): Stored {
    const now = this.#now();
    const { topic, rule, options } = call;
    const { id, again } = options;
    const known = id === undefined ? undefined : this.#ids.find(topic, id, now);
    if (known !== undefined) return { appended: { ...known, isDuplicate: true }, packet: undefined };
    const first = again === undefined ? 0 : this.#findAgain(call, again, now);
    if (first > 0) return { appended: { epoch: again?.epoch ?? "", first, isDuplicate: false }, packet: undefined };
    return this.#append(this.#findOrMake(topic, rule, now), call, now);
  }

  /** A page of a topic: see `Driver.read`. */
  read(topic: string, rule: HistoryRule, after: number): Page {
    return this.#findOrMake(topic, rule, this.#now()).read(after);
  }

  /** The newest message of a topic; undefined: it is not known. */
  top(topic: string): Mark | undefined {
    return this.#find(topic, this.#now())?.top;
  }

  /** The number of the first record, if an earlier try has stored it; else 0. */
  #findAgain({ topic, records: [first] }: MemoryAppend, again: Mark, now: number): number {
    const offset = first && this.#find(topic, now)?.findAgain(recordId(first), again);
    if (offset === undefined) throw new HawserError("HWS_PUBLISH_UNCERTAIN");
    return offset;
  }

  #append(history: MemoryHistory, { rule, records, options }: MemoryAppend, now: number): Stored {
    const { epoch, offset } = history.top;
    const appended = { epoch, first: offset + 1, isDuplicate: false };
    const wasEmpty = this.#empty.delete(history);
    const packet = history.append(records, rule, now);
    this.#filled.add(history);
    if (wasEmpty) this.#expiry.delete(history);
    this.#expiry.add(history);
    if (options.id !== undefined) {
      this.#ids.add(history.topic, options.id, appended, now);
      this.#expiry.add(this.#ids);
    }
    this.#keepMaxBytes();
    return { appended, packet };
  }

  /** A topic that is known, without the messages that are too old. */
  #find(topic: string, now: number): MemoryHistory | undefined {
    const history = this.#topics.get(topic);
    if (history === undefined) return undefined;
    this.#expire(history, now);
    return history.list === undefined ? undefined : history;
  }

  #findOrMake(topic: string, rule: HistoryRule, now: number): MemoryHistory {
    const known = this.#find(topic, now);
    if (known !== undefined) return known;
    // The name may have been cut from a long message.
    const history = new MemoryHistory(ownText(topic), this.#use, rule.ttl, now);
    this.#topics.set(history.topic, history);
    this.#empty.add(history);
    this.#expiry.add(history);
    if (this.#topics.size > this.#limits.maxTopics) {
      const oldest = this.#empty.first === history ? this.#filled.first : this.#empty.first;
      if (oldest !== undefined) {
        this.#forget(oldest);
        this.#forgottenTopics++;
      }
    }
    return history;
  }

  #keepMaxBytes(): void {
    while (this.#use.bytes > this.#limits.maxBytes) {
      const history = this.#filled.first;
      if (history === undefined) return;
      history.dropOldest();
      this.#trimmed++;
      if (history.length === 0) this.#isNowEmpty(history);
    }
  }

  #expire(history: MemoryHistory, now: number): void {
    history.expire(now);
    if (history.length > 0) return;
    if (history.list === this.#filled) this.#isNowEmpty(history);
    if (history.dueAt > now) return;
    if (this.#isWanted(history.topic)) history.touch(now);
    else this.#forget(history);
  }

  #isNowEmpty(history: MemoryHistory): void {
    this.#filled.delete(history);
    this.#empty.add(history);
    this.#expiry.delete(history);
    this.#expiry.add(history);
  }

  #forget(history: MemoryHistory): void {
    while (history.length > 0) history.dropOldest();
    this.#filled.delete(history);
    this.#empty.delete(history);
    this.#expiry.delete(history);
    this.#topics.delete(history.topic);
  }

  readonly #onDue = (item: MemoryHistory | RecentIds): void => {
    const now = this.#now();
    if (item instanceof RecentIds) {
      item.expire(now);
      if (item.size > 0) this.#expiry.add(item);
      return;
    }
    this.#expire(item, now);
    if (item.list !== undefined) this.#expiry.add(item);
  };
}
