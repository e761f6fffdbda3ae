import type { Appended, HistoryRule } from "../backplane/contract.ts";
import { forkMarker } from "../backplane/fork-marker.ts";
import type { HistoryHead } from "../backplane/packet.ts";
import { positionOf } from "../backplane/position.ts";
import { RecordKind, encodeRecord } from "../backplane/record.ts";
import { HawserError, hasCode } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { MIB } from "../util/number-range.ts";
import { ownText } from "../util/own-text.ts";
import type { Identified } from "../util/registry.ts";
import { AppendQueue, type AppendLimits } from "./append-queue.ts";
import type { BackplaneNode } from "./backplane-node.ts";
import { Excepts } from "./excepts.ts";
import type { Except, HistoryContext, JoinOptions, Joined } from "./history-context.ts";
import { newHistoryCounters } from "./history-counters.ts";
import { Lingering } from "./lingering.ts";
import { PageTurns, ReadTurns } from "./page-turns.ts";
import { MemoryBudget } from "./recent-messages.ts";
import type { ReceiverCalls } from "./receiver-calls.ts";
import { type CheckedTopic, checkTops } from "./top-check.ts";
import { TopicHistory } from "./topic-history.ts";
import { PageMemory } from "./waiting-page.ts";

/** What `publish` has reached. */
export interface Published {
  /** The position directly after the message; undefined: the topic has no history, or the message is a duplicate. */
  readonly position: string | undefined;
  /** The number of the message in its topic; undefined: the topic has no history. */
  readonly offset: number | undefined;
  /** Another call has stored a message with the same `id` before: this one was not stored. */
  readonly duplicate: boolean;
}

/** A message that is published. */
export interface NewMessage<Receiver> {
  /** The text or the bytes. */
  readonly payload: string | Bytes;
  /** Whether it is binary; else it is text. */
  readonly isBinary: boolean;
  /** Whether it may be compressed for its receivers. */
  readonly mayCompress: boolean;
  /** The application's name for it: a second one with the same name is a duplicate. */
  readonly id: string | undefined;
  /** Who does not get it; undefined: nobody. */
  readonly except: Except<Receiver>;
}

/** Heartbeats between two checks of quiet topics: 30 s. */
const BEATS_PER_CHECK = 10;

/** What the id of a marker begins with: an id of the application has 128 bytes at most. */
const MARKER_ID = "fork ".padEnd(128, ".");

/** What a server allows its topics with history. */
export interface HistoryLimits extends AppendLimits {
  /** Bytes of recent messages of all topics. */
  readonly maxHistoryMemory: number;
  /** Counts how often each limit was reached. */
  readonly limitCounters: { maxBackplaneQueue: number };
}

/** Bytes of recent messages that are kept although a broker in this process keeps them too: subscribers share their frames. */
const SHARED_MEMORY = 8 * MIB;

/** The topics with history of one server. */
export class HistoryNode<Receiver extends Identified> {
  /** Counts of its messages. */
  readonly counters = newHistoryCounters();
  readonly #node: BackplaneNode;
  readonly #limits: HistoryLimits;
  readonly #topics = new Map<string, TopicHistory<Receiver>>();
  readonly #lingering = new Lingering((topics) => this.#forget(topics));
  /** Who does not get a message that was published here and has not come back yet. */
  readonly #excepts = new Excepts<Receiver>(this.counters);
  readonly #context: HistoryContext<Receiver>;
  /** A broker in this process needs none: it stores at once. */
  readonly #appends: AppendQueue | undefined;
  #beats = 0;

  constructor(node: BackplaneNode, receivers: ReceiverCalls<Receiver>, limits: HistoryLimits) {
    const { driver, wanted } = node;
    const { maxHistoryMemory: maxMemory } = limits;
    this.#node = node;
    this.#limits = limits;
    if (!driver.keepsPackets) this.#appends = new AppendQueue(node, limits);
    this.#context = {
      driver,
      wanted,
      receivers,
      turns: new PageTurns(),
      reads: new ReadTurns(),
      pages: new PageMemory(),
      memory: new MemoryBudget(driver.keepsPackets ? Math.min(maxMemory, SHARED_MEMORY) : maxMemory),
      unchecked: new WeakSet(),
      unmarked: new Set(),
      counters: this.counters,
      onForeign: () => {
        this.counters.foreign++;
        node.onForeign();
      },
      storeMarker: (topic, rule, lost) => this.#storeMarker(topic, rule, lost),
      takeExcept: (id) => this.#excepts.take(id),
    };
  }

  /** Adds a subscriber to a topic. */
  async subscribe(receiver: Receiver, topic: string, rule: HistoryRule, options: JoinOptions): Promise<Joined> {
    let history = this.#topics.get(topic);
    this.#lingering.remove(topic);
    if (history === undefined) {
      // The name may have been cut from a long message.
      history = new TopicHistory(ownText(topic), rule, this.#context);
      this.#topics.set(history.topic, history);
      this.#node.wanted.add(history.topic);
    }
    try {
      return await history.join(receiver, options);
    } finally {
      this.#lingerIfUnused(history);
    }
  }

  /** Whether a topic has this subscriber. */
  has(receiver: Receiver, topic: string): boolean {
    return this.#topics.get(topic)?.has(receiver) === true;
  }

  /** Removes a subscriber from a topic. */
  unsubscribe(receiver: Receiver, topic: string): void {
    const history = this.#topics.get(topic);
    history?.leave(receiver);
    if (history !== undefined) this.#lingerIfUnused(history);
  }

  /** Stores a message, and delivers it when it comes back. */
  async publish(topic: string, rule: HistoryRule, message: NewMessage<Receiver>): Promise<Published> {
    const { payload, isBinary, mayCompress, id: given, except } = message;
    const id = this.#node.ids.next();
    const record = encodeRecord(
      { kind: RecordKind.message, isBinary, mayCompress, id, key: undefined, to: undefined, payload },
      this.#node.driver.keepsPackets,
    );
    // Its first subscriber may come before the message does.
    if (except !== undefined) this.#excepts.add(id, except);
    this.counters.published++;
    try {
      const { epoch, first, isDuplicate } = await this.#append(topic, rule, record, given);
      this.counters[isDuplicate ? "repeated" : "stored"]++;
      this.#settleExcept(id, topic, !isDuplicate);
      const position = isDuplicate ? undefined : positionOf({ epoch, offset: first, id });
      return { position, offset: first, duplicate: isDuplicate };
    } catch (error) {
      const isUncertain = hasCode(error, "HWS_PUBLISH_UNCERTAIN");
      this.counters[isUncertain ? "uncertain" : "failed"]++;
      this.#settleExcept(id, topic, isUncertain);
      throw error;
    }
  }

  /** The position after the newest message of a topic. */
  async position(topic: string, rule: HistoryRule): Promise<string> {
    await this.#node.whenReady(this.#limits.publishTimeout);
    const [known] = await this.#node.driver.tops([topic]);
    // An empty topic has a position too.
    return positionOf(known ?? (await this.#node.driver.read(topic, rule, -1)).top);
  }

  /** Ends when `over` resolves at the latest: what is published is stored before. */
  async close(over: Promise<void>): Promise<void> {
    await this.#appends?.close(over);
    this.#clear();
  }

  /** A heartbeat was answered. */
  onBeat(): void {
    this.#excepts.expire();
    // Those of quiet topics would keep the memory from the others.
    this.#context.memory.removeOld(performance.now());
    // The broker may have refused a marker: until it is there, clients that resume may be told that nothing is missing.
    for (const topic of this.#context.unmarked) topic.markFork();
    // A broker in this process loses nothing.
    if (this.#node.driver.keepsPackets || ++this.#beats % BEATS_PER_CHECK !== 0) return;
    // Messages did not come, e.g. if the broker has lost a subscription.
    this.#check([...this.#topics.values()].filter((one) => one.isQuiet() || this.#context.unchecked.has(one)));
  }

  /** Reads of these topics what this process has missed. */
  #check(histories: readonly TopicHistory<Receiver>[]): void {
    const onFailed = (error: unknown): void => this.#node.onFailed("read", error);
    const onChecked = (history: CheckedTopic): unknown => this.#context.unchecked.delete(history);
    checkTops(this.#node.driver, histories, { onChecked, onFailed }).catch(onFailed);
  }

  /** The servers that have lost the same message store one marker: it is an id as of the application, whose ids are not so long. */
  async #storeMarker(topic: string, rule: HistoryRule, lost: string): Promise<void> {
    await this.#append(topic, rule, forkMarker(this.#node.ids.next(), lost), MARKER_ID + lost);
  }

  #append(topic: string, rule: HistoryRule, record: Bytes, id: string | undefined): Promise<Appended> {
    if (this.#appends === undefined) return this.#node.driver.append(topic, rule, [record], { id });
    if (this.#appends.hasSpaceFor(record)) return this.#appends.append(topic, rule, record, id);
    this.#limits.limitCounters.maxBackplaneQueue++;
    throw new HawserError("HWS_BACKPLANE_FULL", "maxBackplaneQueue");
  }

  /** Forgets everything. */
  #clear(): void {
    this.#lingering.clear();
    this.#excepts.clear();
    this.#context.unmarked.clear();
    for (const history of this.#topics.values()) history.end();
    this.#topics.clear();
  }

  /** Messages have come from the broker. */
  onRecords(topic: string, head: HistoryHead, records: readonly Bytes[]): void {
    this.#topics.get(topic)?.onRecords(head, records);
  }

  /** Messages may have been missed. */
  onLost(topics: readonly string[] | "all"): void {
    const histories =
      topics === "all" ? [...this.#topics.values()] : topics.flatMap((topic) => this.#topics.get(topic) ?? []);
    for (const history of histories) this.#context.unchecked.add(history);
    this.#check(histories);
  }

  /** A message is published. `mayCome`: it is stored, or may be, and comes back to the subscribers here. */
  #settleExcept(id: string, topic: string, mayCome: boolean): void {
    if (mayCome && this.#topics.has(topic)) this.#excepts.keep(id);
    else this.#excepts.take(id);
  }

  #lingerIfUnused(history: TopicHistory<Receiver>): void {
    const { topic, isUnused } = history;
    // One that was forgotten may still end a subscription.
    if (isUnused && this.#topics.get(topic) === history) this.#lingering.add(topic);
  }

  #forget(topics: readonly string[]): void {
    for (const topic of topics) {
      const history = this.#topics.get(topic);
      if (history?.isUnused === false) continue;
      history?.end();
      this.#topics.delete(topic);
      this.#node.wanted.remove(topic);
    }
  }
}
