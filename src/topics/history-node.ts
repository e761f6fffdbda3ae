import type { BackplaneStage, BackplaneStatus, Driver, DriverHost, HistoryRule } from "../backplane/contract.ts";
import { MessageIds } from "../backplane/ids.ts";
import { decodePacket } from "../backplane/packet.ts";
import { positionOf } from "../backplane/position.ts";
import { RecordKind, encodeRecord } from "../backplane/record.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { MIB } from "../util/number-range.ts";
import { ownText } from "../util/own-text.ts";
import type { Identified } from "../util/registry.ts";
import { newHistoryCounters } from "./history-counters.ts";
import { MemoryBudget } from "./recent-messages.ts";
import type { ReceiverCalls } from "./receiver-calls.ts";
import { type Except, type HistoryContext, type JoinOptions, type Joined, TopicHistory } from "./topic-history.ts";

/** What `publish` has reached. */
export interface Published {
  /** The position directly after the message; undefined: the topic has no history, or the message is a duplicate. */
  readonly position: string | undefined;
  /** The number of the message in its topic; undefined: the topic has no history. */
  readonly offset: number | undefined;
  /** A message with the same `id` was stored before. */
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

/** A topic stays in memory for this many milliseconds after its last subscriber: those who were disconnected come back. */
const LINGER_MS = 30_000;

/** Bytes of recent messages that are kept although a broker in this process keeps them too: subscribers share their frames. */
const SHARED_MEMORY = 8 * MIB;

/** The topics with history of one server: a node of the backplane. */
export class HistoryNode<Receiver extends Identified> implements DriverHost {
  /** Counts of its messages. */
  readonly counters = newHistoryCounters();
  readonly #driver: Driver;
  readonly #ids = new MessageIds();
  readonly #topics = new Map<string, TopicHistory<Receiver>>();
  /** When each topic is forgotten that has no subscribers, the earliest first. */
  readonly #lingering = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** Who does not get a message that was published here and has not come back yet. */
  readonly #excepts = new Map<string, { has(receiver: Receiver): boolean }>();
  readonly #context: HistoryContext<Receiver>;
  #status: BackplaneStatus = "connecting";

  /** @param maxMemory bytes of recent messages of all topics */
  constructor(driver: Driver, receivers: ReceiverCalls<Receiver>, maxMemory: number) {
    this.#driver = driver;
    this.#context = {
      driver,
      receivers,
      memory: new MemoryBudget(driver.keepsPackets ? Math.min(maxMemory, SHARED_MEMORY) : maxMemory),
      counters: this.counters,
      takeExcept: (id) => this.#takeExcept(id),
    };
    void driver.open(this, this.#ids.node);
  }

  /** Whether the broker can be reached. */
  get status(): BackplaneStatus {
    return this.#status;
  }

  /** Adds a subscriber to a topic. */
  async subscribe(receiver: Receiver, topic: string, rule: HistoryRule, options: JoinOptions): Promise<Joined> {
    let history = this.#topics.get(topic);
    this.#lingering.delete(topic);
    if (history === undefined) {
      // The name may have been cut from a long message.
      history = new TopicHistory(ownText(topic), rule, this.#context);
      this.#topics.set(history.topic, history);
      // A driver in this process listens at once.
      this.#listen([history.topic], []);
    }
    try {
      return await history.join(receiver, options);
    } finally {
      this.#lingerIfUnused(history);
    }
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
    const id = this.#ids.next();
    const record = encodeRecord({
      kind: RecordKind.message,
      isBinary,
      mayCompress,
      id,
      key: undefined,
      to: undefined,
      payload,
    });
    if (except !== undefined && this.#topics.has(topic)) this.#excepts.set(id, except);
    this.counters.published++;
    try {
      const { epoch, first, isDuplicate } = await this.#driver.append(topic, rule, [record], { id: given });
      this.counters[isDuplicate ? "repeated" : "stored"]++;
      if (isDuplicate) this.#excepts.delete(id);
      const position = isDuplicate ? undefined : positionOf({ epoch, offset: first, id });
      return { position, offset: first, duplicate: isDuplicate };
    } catch (error) {
      this.counters.failed++;
      this.#excepts.delete(id);
      throw error;
    }
  }

  /** The position after the newest message of a topic. */
  async position(topic: string, rule: HistoryRule): Promise<string> {
    const [known] = await this.#driver.tops([topic]);
    // An empty topic has a position too.
    return positionOf(known ?? (await this.#driver.read(topic, rule, -1)).top);
  }

  /** Ends within `ms` milliseconds. */
  async close(ms: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lingering.clear();
    this.#excepts.clear();
    for (const history of this.#topics.values()) history.clear();
    this.#topics.clear();
    await this.#driver.close(ms);
  }

  onPacket(topic: string | undefined, packet: Bytes): void {
    const decoded = decodePacket(packet);
    if (decoded?.history === undefined || topic === undefined) this.counters.foreign++;
    else this.#topics.get(topic)?.onRecords(decoded.history, decoded.records);
  }

  onLost(topics: readonly string[] | "all"): void {
    if (topics === "all") for (const history of this.#topics.values()) history.onLost();
    else for (const topic of topics) this.#topics.get(topic)?.onLost();
  }

  onStatus(status: BackplaneStatus): void {
    this.#status = status;
  }

  onFailed(stage: BackplaneStage, error: unknown): void {
    this.#context.receivers.onFailed(stage, error);
  }

  #takeExcept(id: string): Except<Receiver> {
    const except = this.#excepts.get(id);
    if (except !== undefined) this.#excepts.delete(id);
    return except;
  }

  #lingerIfUnused({ topic, isUnused }: TopicHistory<Receiver>): void {
    if (!isUnused || this.#lingering.has(topic)) return;
    this.#lingering.set(topic, performance.now() + LINGER_MS);
    this.#timer ??= setTimeout(this.#forgetUnused, LINGER_MS).unref();
  }

  readonly #forgetUnused = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    const gone: string[] = [];
    for (const [topic, until] of this.#lingering) {
      if (until > now) {
        this.#timer = setTimeout(this.#forgetUnused, until - now + 1).unref();
        break;
      }
      this.#lingering.delete(topic);
      this.#topics.get(topic)?.clear();
      this.#topics.delete(topic);
      gone.push(topic);
    }
    if (this.#topics.size === 0) this.#excepts.clear();
    if (gone.length > 0) this.#listen([], gone);
  };

  #listen(add: readonly string[], remove: readonly string[]): void {
    this.#driver.listen(add, remove).catch((error: unknown) => this.onFailed("subscribe", error));
  }
}
