import type { Driver, Entry, HistoryRule, Mark, Page } from "../backplane/contract.ts";
import { NO_ID } from "../backplane/ids.ts";
import type { HistoryHead } from "../backplane/packet.ts";
import { positionOf, readPosition } from "../backplane/position.ts";
import { decodeRecord } from "../backplane/record.ts";
import type { SharedMessage } from "../connection/sending/shared-message.ts";
import { type Bytes, copyOf } from "../protocol/bytes.ts";
import { type Identified, Registry } from "../util/registry.ts";
import { CatchUp, type ReadableHistory } from "./catch-up.ts";
import { type GapReason, NOWHERE, gapAfter, isSameMark, markAfterGap, markBefore } from "./chain.ts";
import type { HistoryCounters } from "./history-counters.ts";
import { type HistoryMemory, RecentMessages } from "./recent-messages.ts";
import type { Receivers } from "./receivers.ts";
import { StoredMessage } from "./stored-message.ts";

/** Who does not get a message; undefined: nobody. */
export type Except<Receiver> = { has(receiver: Receiver): boolean } | undefined;

/** What all topics with history of a server share. */
export interface HistoryContext<Receiver extends Identified> {
  /** The broker. */
  readonly driver: Driver;
  /** Sends to the subscribers. */
  readonly receivers: Receivers<Receiver>;
  /** Of the recent messages. */
  readonly memory: HistoryMemory;
  /** Counts of the messages. */
  readonly counters: HistoryCounters;
  /** Who does not get a message that this process has published; undefined: nobody. It is asked once for each id. */
  takeExcept(id: string): Except<Receiver>;
}

/** How a subscription begins. */
export interface JoinOptions {
  /** A position: what came after it is sent first, if it can be proved that nothing is missing. */
  readonly since?: string | undefined;
  /** The newest messages that are sent first; with `since` only if something may be missing. */
  readonly last: number;
  /** Whether messages begin with a header line. */
  readonly isFramed: boolean;
}

/** What a subscription has reached. */
export interface Joined {
  /** Where the live messages began. */
  readonly position: string;
  /** Whether nothing is missing after `since`; undefined: it was not given. */
  readonly recovered: boolean | undefined;
  /** How many messages of the history were sent. */
  readonly replayed: number;
  /** False: it has ended before. */
  readonly live: boolean;
}

/** Messages that may be held until the ones before them were read. */
const MAX_HELD = 1_000;

/** Milliseconds until a slow subscriber asks the broker again. */
const RETRY_MS = 1_000;

/** A topic with history that has subscribers in this process. */
export class TopicHistory<Receiver extends Identified> implements ReadableHistory<Receiver> {
  readonly topic: string;
  readonly #rule: HistoryRule;
  readonly #context: HistoryContext<Receiver>;
  readonly #recent: RecentMessages;
  /** The newest message that was delivered here; undefined: nothing was read yet. */
  #last: Mark | undefined;
  /** The newest message of the topic when it was read for the first time. */
  #firstTop: Mark = NOWHERE;
  /** Those who get messages as they come: without and with header lines. */
  readonly #live = { plain: new Registry<Receiver>(), framed: new Registry<Receiver>() };
  readonly #catchingUp = new Map<Receiver, CatchUp<Receiver>>();
  readonly #joins = new Map<Receiver, Promise<Joined>>();
  /** Messages that came while those before them were missing. */
  #held: StoredMessage[] = [];
  #syncing: Promise<void> | undefined;
  /** Pages that are being read, by the mark before them. */
  readonly #reads = new Map<string, Promise<Page>>();

  constructor(topic: string, rule: HistoryRule, context: HistoryContext<Receiver>) {
    this.topic = topic;
    this.#rule = rule;
    this.#context = context;
    this.#recent = new RecentMessages(rule, context.memory);
  }

  /** Whether it has no subscribers. */
  get isUnused(): boolean {
    return this.#live.plain.size + this.#live.framed.size + this.#catchingUp.size === 0;
  }

  get last(): Mark {
    return this.#last ?? NOWHERE;
  }

  /** Frees the memory. */
  clear(): void {
    this.#recent.clear();
  }

  /** Adds a subscriber. A second call while the first one runs is the same; later it changes nothing. */
  join(receiver: Receiver, options: JoinOptions): Promise<Joined> {
    const running = this.#joins.get(receiver);
    if (running !== undefined) return running;
    if (this.#isLive(receiver) || this.#catchingUp.has(receiver))
      return Promise.resolve(this.#joined(undefined, 0, true));
    const join = this.#join(receiver, options).finally(() => this.#joins.delete(receiver));
    this.#joins.set(receiver, join);
    return join;
  }

  /** Removes a subscriber. */
  leave(receiver: Receiver): void {
    const catchUp = this.#catchingUp.get(receiver);
    if (catchUp !== undefined) catchUp.isEnded = true;
    this.#catchingUp.delete(receiver);
    this.#live.plain.remove(receiver);
    this.#live.framed.remove(receiver);
  }

  /** Messages have come from the broker. */
  onRecords({ epoch, first, before }: HistoryHead, records: readonly Bytes[]): void {
    let idBefore = before;
    for (const [index, record] of records.entries()) {
      const id = decodeRecord(record)?.id ?? NO_ID;
      this.#onMessage(this.#stored({ offset: first + index, id, before: idBefore, record }, epoch));
      idBefore = id;
    }
  }

  next(mark: Mark): StoredMessage | undefined {
    this.#recent.removeOld(performance.now());
    return mark.epoch === this.last.epoch ? this.#recent.next(mark) : undefined;
  }

  readAfter(mark: Mark): Promise<Page> {
    return this.#readOnce(mark.offset, mark);
  }

  /** Messages may have been missed: reads them. */
  onLost(): void {
    if (this.#last !== undefined) this.#syncSoon();
  }

  sync(): Promise<void> {
    return (this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
      // Something came after the last look.
      if (this.#held.length > 0) this.#syncSoon();
    }));
  }

  onCaughtUp(receiver: Receiver, isFramed: boolean): void {
    this.#catchingUp.delete(receiver);
    this.#registry(isFramed).add(receiver);
  }

  noteGap(reason: GapReason): void {
    this.#context.counters.gaps[reason]++;
  }

  async #join(receiver: Receiver, { since, last, isFramed }: JoinOptions): Promise<Joined> {
    const catchUp = new CatchUp(this, receiver, this.#context.receivers, isFramed);
    this.#catchingUp.set(receiver, catchUp);
    // What is published after this call comes to the subscriber, also while something is read for it.
    const known = this.#last;
    try {
      if (known === undefined) await this.sync();
      const proven = since === undefined ? undefined : await this.#prove(readPosition(since));
      const recovered = since === undefined ? undefined : proven !== undefined;
      const now = known ?? this.#firstTop;
      const start = proven ?? (last === 0 ? now : earlier(now, await this.#newest(last)));
      if (recovered !== undefined) this.#context.counters[recovered ? "recovered" : "unrecovered"]++;
      if (!catchUp.isEnded) catchUp.sendFrame("s", positionOf(start), flagOf(recovered));
      const live = await catchUp.run(start);
      return this.#joined(recovered, catchUp.sent, live);
    } catch (error) {
      this.leave(receiver);
      throw error;
    }
  }

  #joined(recovered: boolean | undefined, replayed: number, live: boolean): Joined {
    return { position: positionOf(this.last), recovered, replayed, live };
  }

  /** The mark, if all that came after it is still there. */
  async #prove(since: Mark | undefined): Promise<Mark | undefined> {
    if (since === undefined) return undefined;
    // It may come from a process that has seen more.
    if (since.epoch !== this.last.epoch || since.offset > this.last.offset) await this.sync();
    if (since.epoch !== this.last.epoch || since.offset > this.last.offset) return undefined;
    if (isSameMark(since, this.last) || this.#recent.knows(since)) return since;
    const page = await this.readAfter(since);
    return gapAfter(since, page) === undefined ? since : undefined;
  }

  /** The mark before the newest `count` messages. */
  async #newest(count: number): Promise<Mark> {
    const inMemory = this.#recent.newest(Math.min(count, this.#rule.size));
    if (inMemory !== undefined) return markBefore(this.last.epoch, inMemory);
    const page = await this.#readOnce(-count, undefined);
    return markAfterGap(page);
  }

  #readOnce(after: number, since: Mark | undefined): Promise<Page> {
    const key = `${String(after)} ${since?.epoch ?? ""} ${since?.id ?? ""}`;
    let read = this.#reads.get(key);
    if (read === undefined) {
      read = this.#read(after, since).finally(() => this.#reads.delete(key));
      this.#reads.set(key, read);
    }
    return read;
  }

  #onMessage(message: StoredMessage): void {
    const last = this.#last;
    const { counters } = this.#context;
    counters.received++;
    if (last?.epoch === message.epoch && this.#syncing === undefined) {
      if (message.before === last.id && message.offset > last.offset) return this.#deliver(message);
      if (message.offset <= last.offset && this.#recent.knows(message.mark)) {
        counters.duplicates++;
        return;
      }
    }
    // What is forgotten here is read.
    if (this.#held.length < MAX_HELD) this.#held.push(message);
    if (last !== undefined) this.#syncSoon();
  }

  /** The same, if nobody waits for it. What fails is read again with the next message, or the next loss. */
  #syncSoon(): void {
    this.sync().catch((error: unknown) => this.#context.receivers.onFailed("read", error));
  }

  /** Reads what this process has missed, and delivers it, with what came meanwhile. */
  async #sync(): Promise<void> {
    while (!(await this.#syncPage()));
    const held = this.#held;
    this.#held = [];
    for (const message of held) {
      const { last } = this;
      if (message.epoch === last.epoch && message.before === last.id) this.#deliver(message);
      else if (message.epoch === last.epoch && message.offset <= last.offset) this.#context.counters.duplicates++;
      // More was forgotten, or lost: once more.
      else return this.#sync();
    }
  }

  /** Reads and delivers one page. Returns whether it reaches the newest message. */
  async #syncPage(): Promise<boolean> {
    const since = this.#last;
    let page = await this.#read(since?.offset ?? -this.#rule.size, since);
    const reason = since === undefined ? undefined : gapAfter(since, page);
    if (since === undefined) this.#firstTop = page.top;
    // All of the new history is delivered.
    if (reason === "reset") page = await this.#read(0, undefined);
    if (since === undefined || reason !== undefined) this.#goOn(reason, markAfterGap(page));
    for (const entry of page.entries) this.#deliver(this.#stored(entry, page.epoch));
    return page.entries.length === 0 || this.last.offset >= page.top.offset;
  }

  #read(after: number, since: Mark | undefined): Promise<Page> {
    this.#context.counters.reads++;
    return this.#context.driver.read(this.topic, this.#rule, after, since);
  }

  /** Goes on at a mark that does not follow the newest message here, and tells the subscribers. */
  #goOn(reason: GapReason | undefined, mark: Mark): void {
    this.#last = mark;
    this.#recent.clear();
    if (reason === undefined) return;
    for (const isFramed of [false, true]) {
      for (const receiver of this.#registry(isFramed).list) {
        this.noteGap(reason);
        new CatchUp(this, receiver, this.#context.receivers, isFramed).tellGap(reason, mark);
      }
    }
  }

  #stored(entry: Entry, epoch: string): StoredMessage {
    const record = this.#context.driver.keepsPackets ? entry.record : copyOf(entry.record);
    return new StoredMessage({ ...entry, record }, { topic: this.topic, epoch });
  }

  /** Delivers the next message to those who are live. */
  #deliver(message: StoredMessage): void {
    const before = this.last;
    this.#last = message.mark;
    this.#recent.add(message, performance.now());
    const except = this.#context.takeExcept(message.id);
    this.#context.receivers.inSendLoop(() => {
      for (const isFramed of [false, true]) this.#sendToLive(isFramed, message, before, except);
    });
  }

  #sendToLive(isFramed: boolean, message: StoredMessage, before: Mark, except: Except<Receiver>): void {
    const { list } = this.#registry(isFramed);
    if (list.length === 0) return;
    const shared = message.shared(isFramed, (one) => this.#context.receivers.share(one));
    if (shared === undefined) return;
    for (const receiver of list) if (except?.has(receiver) !== true) this.#sendLive(receiver, isFramed, shared, before);
  }

  #sendLive(receiver: Receiver, isFramed: boolean, shared: SharedMessage, before: Mark): void {
    const { receivers } = this.#context;
    const sent = receivers.isCongested(receiver) ? "dropped" : receivers.send(receiver, shared);
    if (sent === "accepted" || !this.#registry(isFramed).remove(receiver)) return;
    // It is too slow: it gets the rest from the history, as fast as it can take it.
    this.#context.counters.catchUps++;
    const catchUp = new CatchUp(this, receiver, receivers, isFramed);
    this.#catchingUp.set(receiver, catchUp);
    void this.#catchUp(catchUp, receiver, sent === "dropped" ? before : this.last);
  }

  async #catchUp(catchUp: CatchUp<Receiver>, receiver: Receiver, mark: Mark): Promise<void> {
    for (let from: Mark | undefined = mark; !catchUp.isEnded; from = undefined) {
      try {
        if (!(await catchUp.run(from))) this.leave(receiver);
        return;
      } catch {
        // The broker is away: nothing is lost.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  #registry(isFramed: boolean): Registry<Receiver> {
    return isFramed ? this.#live.framed : this.#live.plain;
  }

  #isLive({ id }: Receiver): boolean {
    return this.#live.plain.get(id) !== undefined || this.#live.framed.get(id) !== undefined;
  }
}

function earlier(a: Mark, b: Mark): Mark {
  return a.epoch === b.epoch && a.offset < b.offset ? a : b;
}

/** The flag of the header line of a subscription. */
function flagOf(recovered: boolean | undefined): string {
  if (recovered === undefined) return "-";
  return recovered ? "1" : "0";
}
