import type { Entry, HistoryRule, Mark, Page } from "../backplane/contract.ts";
import type { HistoryHead } from "../backplane/packet.ts";
import { positionOf, readPosition } from "../backplane/position.ts";
import { recordId } from "../backplane/record.ts";
import { HawserError } from "../errors/errors.ts";
import { type Bytes, copyOf } from "../protocol/bytes.ts";
import { LazyMap } from "../util/lazy-map.ts";
import type { Identified } from "../util/registry.ts";
import { CatchUp, type ReadableHistory } from "./catch-up.ts";
import { type GapReason, NOWHERE, earlier, gapAfter, isSameMark, markAfterGap, markBefore } from "./chain.ts";
import { HeldMessages } from "./held-messages.ts";
import type { HistoryContext, JoinOptions, Joined, MarkedTopic } from "./history-context.ts";
import { LiveReceivers, type SlowListener } from "./live-receivers.ts";
import { PageReads } from "./page-reads.ts";
import { RecentMessages } from "./recent-messages.ts";
import { StoredMessage } from "./stored-message.ts";
import { Forks, findFork } from "./forks.ts";
import type { CheckedTopic } from "./top-check.ts";
import { recoveredFlag } from "./topic-frame.ts";

/** Milliseconds until a slow subscriber asks the broker again. */
const RETRY_MS = 1_000;

/** A topic with history that has subscribers in this process. */
export class TopicHistory<Receiver extends Identified>
  implements ReadableHistory<Receiver>, CheckedTopic, MarkedTopic, SlowListener<Receiver>
{
  readonly topic: string;
  readonly #rule: HistoryRule;
  readonly #context: HistoryContext<Receiver>;
  readonly #recent: RecentMessages;
  /** The newest message that was delivered here; undefined: nothing was read yet. */
  #last: Mark | undefined;
  /** The newest message of the topic when it was read for the first time. */
  #firstTop: Mark = NOWHERE;
  readonly #live: LiveReceivers<Receiver>;
  readonly #catchingUp = new LazyMap<Receiver, CatchUp<Receiver>>();
  /** What each subscriber was promised. */
  readonly #joins = new Map<Receiver, Promise<Joined>>();
  /** Messages that came while those before them were missing. */
  readonly #held = new HeldMessages();
  /** Where the broker has lost messages. */
  readonly #forks = new Forks<Receiver>();
  #isMarking = false;
  #isEnded = false;
  #syncing: Promise<void> | undefined;
  /** A message was delivered since the last look. */
  #hasMoved = false;
  readonly #reads: PageReads;

  constructor(topic: string, rule: HistoryRule, context: HistoryContext<Receiver>) {
    this.topic = topic;
    this.#rule = rule;
    this.#context = context;
    this.#recent = new RecentMessages(rule, context.memory);
    this.#live = new LiveReceivers(context.receivers);
    this.#reads = new PageReads(topic, rule, context, (page) => this.#forks.onPage(page));
  }

  /** Whether it has no subscribers. */
  get isUnused(): boolean {
    return this.#joins.size === 0;
  }

  /** Whether it has this subscriber, also while something is read for it. */
  has(receiver: Receiver): boolean {
    return this.#joins.has(receiver);
  }

  get size(): number {
    return this.#rule.size;
  }

  get last(): Mark {
    return this.#last ?? NOWHERE;
  }

  /** It is forgotten: frees the memory. What is being read is not kept, and nothing more is read. */
  end(): void {
    this.#isEnded = true;
    this.#recent.clear();
    this.#held.take();
  }

  /** Adds a subscriber. A second call changes nothing, and is the same as the first one. */
  join(receiver: Receiver, options: JoinOptions): Promise<Joined> {
    const known = this.#joins.get(receiver);
    if (known !== undefined) return known;
    const join = this.#join(receiver, options);
    this.#joins.set(receiver, join);
    return join;
  }

  /** Removes a subscriber. */
  leave(receiver: Receiver): void {
    const catchUp = this.#catchingUp.get(receiver);
    if (catchUp !== undefined) catchUp.isEnded = true;
    this.#catchingUp.delete(receiver);
    this.#joins.delete(receiver);
    this.#forks.delete(receiver);
    this.#live.remove(receiver);
  }

  /** Messages have come from the broker. */
  onRecords({ epoch, first, before }: HistoryHead, records: readonly Bytes[]): void {
    let idBefore = before;
    for (const [index, record] of records.entries()) {
      const id = recordId(record);
      this.#onMessage(this.#stored({ offset: first + index, id, before: idBefore, record }, epoch));
      idBefore = id;
    }
  }

  next(mark: Mark): StoredMessage | undefined {
    return mark.epoch === this.last.epoch ? this.#recent.after(mark, performance.now()) : undefined;
  }

  readAfter(mark: Mark): Promise<Page> {
    return this.#reads.readOnce(mark.offset, mark);
  }

  /** Whether nothing was delivered since the last call. */
  isQuiet(): boolean {
    const isQuiet = this.#last !== undefined && !this.#hasMoved;
    this.#hasMoved = false;
    return isQuiet;
  }

  sync(): Promise<void> {
    // It may have waited long to be checked.
    if (this.#isEnded) return Promise.resolve();
    return (this.#syncing ??= this.#sync().then(
      () => {
        this.#syncing = undefined;
        this.markFork();
        // They came after the last look at what is held.
        if (this.#held.length > 0) this.#syncSoon();
      },
      (error: unknown) => {
        this.#syncing = undefined;
        // All of it is read with the next message, or after the next loss.
        this.#held.take();
        throw error;
      },
    ));
  }

  onCaughtUp(receiver: Receiver, { isFramed }: CatchUp<Receiver>): void {
    this.#catchingUp.delete(receiver);
    this.#live.add(receiver, isFramed);
  }

  onSlow(receiver: Receiver, isFramed: boolean, from: Mark): void {
    if (this.#catchUpFrom(from, receiver, isFramed) !== undefined) this.#context.counters.catchUps++;
  }

  /** Stores a marker where the broker has lost messages, if there is none yet. */
  markFork(): void {
    const { unmarked } = this.#forks;
    if (unmarked === undefined) this.#context.unmarked.delete(this);
    if (unmarked === undefined || this.#isMarking) return;
    this.#isMarking = true;
    this.#context
      .storeMarker(this.topic, this.#rule, unmarked)
      // Who is forgotten does not see it come.
      .then(() => this.#isEnded && this.#context.unmarked.delete(this))
      .catch((error: unknown) => this.#context.receivers.onFailed("publish", error))
      .finally(() => (this.#isMarking = false));
  }

  isTold(receiver: Receiver, lost: string): boolean {
    return this.#forks.isTold(receiver, lost);
  }

  noteGap(reason: GapReason): void {
    this.#context.counters.gaps[reason]++;
  }

  async #join(receiver: Receiver, { since, last, isFramed }: JoinOptions): Promise<Joined> {
    const catchUp = this.#newCatchUp(receiver, isFramed);
    // What is published after this call comes to the subscriber, also while something is read for it.
    const atCall = (this.#syncing === undefined ? undefined : this.#held.last?.mark) ?? this.#last;
    try {
      if (since !== undefined && this.#context.unchecked.has(this)) await this.sync();
      while (this.#last === undefined && !catchUp.isGone) await this.#syncFirst();
      const proven = since === undefined ? undefined : await this.#prove(readPosition(since), catchUp);
      const isProven = since === undefined ? undefined : proven !== undefined;
      const newest = atCall ?? this.#firstTop;
      const start = proven ?? (last === 0 ? newest : earlier(newest, await this.#newest(last, catchUp)));
      this.#forks.onJoin(receiver);
      catchUp.addFrame("s", start, recoveredFlag(isProven));
      if (isProven !== true) catchUp.unprovenUntil = this.last.offset;
      const live = await catchUp.run(start);
      const recovered = isProven && !catchUp.hasGap;
      if (live && recovered !== undefined) this.#context.counters[recovered ? "recovered" : "unrecovered"]++;
      return { position: live ? positionOf(catchUp.cursor) : undefined, recovered, replayed: catchUp.sent, live };
    } catch (error) {
      if (!catchUp.isEnded) this.leave(receiver);
      throw error;
    }
  }

  #newCatchUp(receiver: Receiver, isFramed: boolean): CatchUp<Receiver> {
    const made = new CatchUp(this, receiver, this.#context, isFramed);
    this.#catchingUp.set(receiver, made);
    return made;
  }

  /** The mark, if all that came after it is still there. Whatever a client asks for, nobody else waits for it. */
  async #prove(since: Mark | undefined, catchUp: CatchUp<Receiver>): Promise<Mark | undefined> {
    if (since === undefined || catchUp.isGone || this.#forks.isAcross(since)) return undefined;
    if (since.epoch === this.last.epoch && this.#knows(since)) return since;
    const [top] = await this.#context.driver.tops([this.topic]);
    if (top !== null && (top?.epoch !== since.epoch || top.offset < since.offset)) return undefined;
    const isWhole = await catchUp.inTurn(async () => gapAfter(since, await this.readAfter(since)) === undefined, false);
    // The page tells of the markers.
    return isWhole && !this.#forks.isAcross(since) ? since : undefined;
  }

  #knows(mark: Mark): boolean {
    return isSameMark(mark, this.last) || this.#recent.knows(mark, performance.now());
  }

  /** The mark before the newest `count` messages. */
  async #newest(count: number, catchUp: CatchUp<Receiver>): Promise<Mark> {
    const inMemory = this.#recent.newest(Math.min(count, this.#rule.size), performance.now());
    if (inMemory !== undefined) return markBefore(this.last.epoch, inMemory);
    return catchUp.inTurn(async () => markAfterGap(await this.#reads.readOnce(-count, undefined)), NOWHERE);
  }

  #onMessage(message: StoredMessage): void {
    const last = this.#last;
    const { counters } = this.#context;
    counters.received++;
    if (last?.epoch === message.epoch && this.#syncing === undefined) {
      if (message.before === last.id && message.offset > last.offset) return this.#deliver(message);
      if (message.offset <= last.offset && this.#knows(message.mark)) {
        counters.duplicates++;
        return;
      }
    }
    this.#held.add(message);
    if (last !== undefined) this.#syncSoon();
  }

  /** Syncs if nobody waits for it. */
  #syncSoon(): void {
    if (this.#syncing !== undefined) return;
    this.sync().catch((error: unknown) => this.#context.receivers.onFailed("read", error));
  }

  /** Learns the newest message. */
  #syncFirst(): Promise<void> {
    return this.#isEnded ? Promise.reject(new HawserError("HWS_BACKPLANE_AWAY")) : this.sync();
  }

  /** Reads what this process has missed, and delivers it, with what came meanwhile. */
  async #sync(): Promise<void> {
    for (let isComplete = false; !isComplete;) {
      while (!(await this.#syncPage()));
      if (this.#isEnded) return;
      // What was forgotten, or lost, is read.
      const held = this.#held.take();
      ({ isComplete } = held);
      for (const message of held.messages) isComplete = this.#deliverHeld(message) && isComplete;
    }
  }

  /** Returns false if a message before it is missing. */
  #deliverHeld(message: StoredMessage): boolean {
    const { last } = this;
    const isNext = message.epoch === last.epoch && message.before === last.id;
    const isOld = message.epoch === last.epoch && message.offset <= last.offset;
    if (isNext) this.#deliver(message);
    else if (isOld) this.#context.counters.duplicates++;
    return isNext || isOld;
  }

  /** Reads and delivers one page. Returns whether it reaches the newest message. The first time nothing but that is learned. */
  async #syncPage(): Promise<boolean> {
    const since = this.#last;
    if (since === undefined) {
      await this.#whenListening();
      if (!this.isUnused) this.#last = this.#firstTop = (await this.#reads.read(-1, undefined)).top;
      return true;
    }
    let page = await this.#reads.read(since.offset, since);
    const reason = gapAfter(since, page);
    let at: Mark | undefined;
    if (reason === "fork") at = await findFork(this.#recent, since, (after) => this.#reads.read(after, undefined));
    // All of the new history is delivered.
    if (reason === "reset") {
      this.#forks.clear();
      page = await this.#reads.read(0, undefined);
    }
    // What is added now would never be removed.
    if (this.#isEnded) return true;
    if (reason === "fork") {
      this.#goOnAt(at ?? markAfterGap(page), reason);
      return false;
    }
    if (reason !== undefined) this.#goOnAt(markAfterGap(page), reason);
    for (const entry of page.entries) this.#deliver(this.#stored(entry, page.epoch));
    return page.entries.length === 0 || this.last.offset >= page.top.offset;
  }

  /** A message that comes between a read and the first one that flows would be missing. */
  async #whenListening(): Promise<void> {
    const { wanted } = this.#context;
    if (wanted.isConfirmed(this.topic) || (await wanted.whenConfirmed(this.topic, true))) return;
    throw new HawserError("HWS_BACKPLANE_AWAY");
  }

  /** Goes on at a mark that does not follow the newest message here, and tells the subscribers. */
  #goOnAt(mark: Mark, reason: GapReason): void {
    if (reason === "fork") this.#onFork(mark);
    this.#last = mark;
    this.#recent.clear();
    this.#tellLive(reason, mark, () => true);
  }

  #onFork(mark: Mark): void {
    const lost = [...this.#recent.idsAfter(mark), this.last.id];
    const back = [...this.#catchingUp].filter(([, catchUp]) => catchUp.goBack(mark)).map(([receiver]) => receiver);
    this.#forks.onFork(mark, lost, [...back, ...this.#live.list(false), ...this.#live.list(true)]);
    this.#context.unmarked.add(this);
  }

  /** Tells those who are live that messages may be missing, if a function chooses them. */
  #tellLive(reason: GapReason, mark: Mark, isToldNow: (receiver: Receiver) => boolean): void {
    for (const isFramed of [false, true]) {
      for (const receiver of this.#live.list(isFramed))
        if (isToldNow(receiver)) this.#catchUpFrom(mark, receiver, isFramed)?.tellGap(reason, mark);
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
    this.#hasMoved = true;
    this.#recent.add(message, performance.now());
    const { lost } = message;
    if (lost !== undefined) {
      this.#forks.onMarker(message.mark, lost);
      this.#tellLive("fork", message.mark, (receiver) => !this.#forks.isTold(receiver, lost));
      return;
    }
    const except = this.#context.takeExcept(message.id);
    if (except !== undefined)
      for (const [receiver, catchUp] of this.#catchingUp) if (except.has(receiver)) catchUp.skip(message.id);
    if (!this.#live.send(message, before, except, this)) this.#context.onForeign();
  }

  /** Takes a subscriber from those who are live. It begins in a later turn, after the loop. Returns undefined if it is not live. */
  #catchUpFrom(mark: Mark, receiver: Receiver, isFramed: boolean): CatchUp<Receiver> | undefined {
    if (!this.#live.remove(receiver)) return undefined;
    const catchUp = this.#newCatchUp(receiver, isFramed);
    queueMicrotask(() => void this.#catchUp(catchUp, receiver, mark));
    return catchUp;
  }

  async #catchUp(catchUp: CatchUp<Receiver>, receiver: Receiver, mark: Mark): Promise<void> {
    let isReported = false;
    for (let from: Mark | undefined = mark; !catchUp.isEnded; from = undefined) {
      try {
        const isLive = await catchUp.run(from);
        // It is closed. Another subscription of it may have begun meanwhile.
        if (!isLive && this.#catchingUp.get(receiver) === catchUp) this.leave(receiver);
        return;
      } catch (error) {
        if (!isReported) this.#context.receivers.onFailed("read", error);
        isReported = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }
}
