import type { Mark, Page } from "../backplane/contract.ts";
import { NO_ID } from "../backplane/ids.ts";
import { positionOf } from "../backplane/position.ts";
import { EMPTY } from "../protocol/bytes.ts";
import type { Identified } from "../util/registry.ts";
import { type GapReason, NOWHERE, gapAfter, isSameMark, markAfterGap } from "./chain.ts";
import type { HistoryContext } from "./history-context.ts";
import { StoredMessage } from "./stored-message.ts";
import { type TopicFrameKind, topicHeader } from "./topic-frame.ts";
import { WaitingPage } from "./waiting-page.ts";

/** What a reader needs of its topic. */
export interface ReadableHistory<Receiver extends Identified> {
  /** Its name. */
  readonly topic: string;
  /** The newest messages that are kept. */
  readonly size: number;
  /** The newest message that this process has seen. */
  readonly last: Mark;
  /** The message after a mark, if it is in memory. */
  next(mark: Mark): StoredMessage | undefined;
  /** What the broker has after a mark. */
  readAfter(mark: Mark): Promise<Page>;
  /** Reads from the broker what this process has missed. */
  sync(): Promise<void>;
  /** It has the newest message: it is live from now on. */
  onCaughtUp(receiver: Receiver, catchUp: CatchUp<Receiver>): void;
  /** Counts a gap of one subscriber. */
  noteGap(reason: GapReason): void;
  /** Whether a subscriber was told that these messages are lost. `lost`: the id of the newest one. */
  isTold(receiver: Receiver, lost: string): boolean;
}

/** A header line without a message, which comes before the next message. */
interface WaitingFrame {
  readonly kind: TopicFrameKind;
  readonly position: string;
  readonly flag: string;
}

/** Messages that are sent in one turn of the event loop, so that others have their turn. */
const MAX_PER_TURN = 256;

/**
 * A subscriber that gets messages from the history: it has just subscribed, or was too slow. It is paced by what it has taken, so no
 * policy drops anything. When it has the newest message, it is live.
 */
export class CatchUp<Receiver extends Identified> {
  /** Whether its messages begin with a header line. */
  readonly isFramed: boolean;
  /** How many messages it has got. */
  sent = 0;
  /** The message that it got last. */
  cursor: Mark = NOWHERE;
  /** It has unsubscribed, or is closed. */
  isEnded = false;
  /** It was told that messages may be missing. */
  hasGap = false;
  /** Up to this number nobody has promised it that nothing is missing. */
  unprovenUntil = 0;
  readonly #history: ReadableHistory<Receiver>;
  readonly #receiver: Receiver;
  readonly #receivers: HistoryContext<Receiver>["receivers"];
  readonly #turns: HistoryContext<Receiver>["turns"];
  readonly #pages: HistoryContext<Receiver>["pages"];
  /** What was read from the broker for it, and was not sent yet. While there is something, it has a turn. */
  #page: WaitingPage | undefined;
  #hasTurn = false;
  readonly #frames: WaitingFrame[] = [];
  /** The ids of the newest messages that it does not get: its connection has published them. */
  #skipped: Set<string> | undefined;

  constructor(
    history: ReadableHistory<Receiver>,
    receiver: Receiver,
    { receivers, turns, pages }: Pick<HistoryContext<Receiver>, "receivers" | "turns" | "pages">,
    isFramed: boolean,
  ) {
    this.#history = history;
    this.#receiver = receiver;
    this.#receivers = receivers;
    this.#turns = turns;
    this.#pages = pages;
    this.isFramed = isFramed;
  }

  /** It has ended, or will soon: its connection cannot get messages any more. */
  get isGone(): boolean {
    return this.isEnded || !this.#receivers.isOpen(this.#receiver);
  }

  /** Reads something of its history, when its receiver has a turn for it. Who is gone by then gets `ifGone`, and nothing is read. */
  async inTurn<Result>(read: () => Promise<Result>, ifGone: Result): Promise<Result> {
    await this.#takeTurn();
    try {
      return this.isGone ? ifGone : await read();
    } finally {
      this.#giveTurn();
    }
  }

  /**
   * Sends all messages after a mark, until it has the newest one.
   *
   * @param from undefined: it goes on where it was
   * @returns whether it is live; false: it has ended. Rejects if the broker does
   */
  async run(from?: Mark): Promise<boolean> {
    if (from !== undefined) this.cursor = from;
    try {
      return await this.#run();
    } finally {
      this.#dropPage();
      this.#giveTurn();
    }
  }

  async #run(): Promise<boolean> {
    for (let inTurn = 0; !this.isEnded; inTurn++) {
      const isDue = inTurn === MAX_PER_TURN;
      if (isDue) inTurn = 0;
      if (this.#page === undefined) this.#giveTurn();
      if (isDue || this.#receivers.isCongested(this.#receiver)) {
        if (!(await this.#drained())) return false;
      } else if (this.#frames.length > 0) {
        if (!this.#sendFrame() && !(await this.#drained())) return false;
      } else if (isSameMark(this.cursor, this.#history.last)) {
        // There is no await between this look and the call, so no message comes between them.
        this.#history.onCaughtUp(this.#receiver, this);
        return true;
      } else {
        const message = this.#next();
        if (message === undefined) await this.#read();
        else if (!this.#send(message) && !(await this.#drained())) return false;
      }
    }
    return false;
  }

  /**
   * The history has gone another way after a mark: goes back there if it was further, and tells it.
   *
   * @returns false: it has not begun, or reads another history
   */
  goBack(mark: Mark): boolean {
    if (this.cursor.epoch !== mark.epoch) return false;
    this.cursor = this.cursor.offset > mark.offset ? mark : { ...this.cursor };
    this.#dropPage();
    this.tellGap("fork", this.cursor);
    return true;
  }

  /** Sends a header line without a message before the next message, if its messages have such lines. */
  addFrame(kind: TopicFrameKind, at: Mark, flag: string): void {
    if (this.isFramed) this.#frames.push({ kind, position: positionOf(at), flag });
  }

  /** Tells that messages may be missing. `at`: where they go on. */
  tellGap(reason: GapReason, at: Mark): void {
    const { topic } = this.#history;
    this.hasGap = true;
    this.#history.noteGap(reason);
    this.addFrame("g", at, reason);
    this.#receivers.onGap(this.#receiver, { type: "gap", topic, reason, position: positionOf(at) });
  }

  /** It does not get the message with this id. */
  skip(id: string): void {
    const skipped = (this.#skipped ??= new Set());
    skipped.add(id);
    // The history keeps no more messages, so it will never come to an older one.
    const [oldest] = skipped;
    if (skipped.size > this.#history.size && oldest !== undefined) skipped.delete(oldest);
  }

  /** Sends the oldest header line that waits. Returns false if it was dropped: then it waits still. */
  #sendFrame(): boolean {
    const [frame] = this.#frames;
    if (frame === undefined) return true;
    const header = topicHeader(frame.kind, frame.position, frame.flag, this.#history.topic);
    const shared = this.#receivers.share({ header, isBinary: false, mayCompress: true, payload: EMPTY });
    if (this.#receivers.send(this.#receiver, shared) === "dropped") return false;
    this.#frames.shift();
    return true;
  }

  #next(): StoredMessage | undefined {
    return this.#page?.first ?? this.#history.next(this.cursor);
  }

  /** Sends a message. Returns false if it was dropped: then it is the next one again. */
  #send(message: StoredMessage): boolean {
    const { lost } = message;
    if (lost !== undefined) {
      this.#pass(message, lost);
      return true;
    }
    const isSkipped = this.#skipped?.delete(message.id) === true;
    const shared = isSkipped ? undefined : message.shared(this.isFramed, (one) => this.#receivers.share(one));
    if (shared !== undefined) {
      if (this.#receivers.send(this.#receiver, shared) === "dropped") return false;
      this.sent++;
    }
    this.#moveTo(message);
    return true;
  }

  /** It comes to a place before which messages are lost. */
  #pass(message: StoredMessage, lost: string): void {
    const mark = this.#moveTo(message);
    if (mark.offset <= this.unprovenUntil || this.#history.isTold(this.#receiver, lost)) return;
    this.tellGap("fork", mark);
  }

  /** It has got the next message. Returns its place. */
  #moveTo(message: StoredMessage): Mark {
    if (this.#page?.first === message) this.#page.shift();
    if (this.#page?.first === undefined) this.#page = undefined;
    return (this.cursor = message.mark);
  }

  /** It reads what is left of the page again. */
  #dropPage(): void {
    this.#page?.clear();
    this.#page = undefined;
  }

  /** Waits until there is space. Returns false if the receiver is gone. */
  async #drained(): Promise<boolean> {
    // It may wait for long, and there may be many like it.
    if (this.#pages.isOver && this.#receivers.isCongested(this.#receiver)) {
      this.#dropPage();
      this.#giveTurn();
    }
    const isOpen = await this.#receivers.drained(this.#receiver);
    // Another turn, also if there is space at once: other connections must have theirs.
    await nextTurn();
    return isOpen;
  }

  /** Waits until it may read a page and keep it. */
  async #takeTurn(): Promise<void> {
    const turn = this.#turns.take(this.#receiver);
    if (turn !== undefined) await turn;
    this.#hasTurn = true;
  }

  /** Others of its receiver may read. */
  #giveTurn(): void {
    if (this.#hasTurn) this.#turns.give(this.#receiver);
    this.#hasTurn = false;
  }

  /** Whether it must read still: it has waited. */
  #mustRead(cursor: Mark): boolean {
    // Only who is gone does not use its turn. A slow one does: otherwise its topics whose messages are in memory would always overtake this one.
    if (this.isGone || this.cursor !== cursor) return false;
    return !isSameMark(cursor, this.#history.last) && this.#history.next(cursor) === undefined;
  }

  /** Reads a page from the broker when it has a turn, and proves that nothing is missing before it. */
  async #read(): Promise<void> {
    const { cursor } = this;
    await this.#takeTurn();
    if (!this.#mustRead(cursor)) return;
    let page = await this.#history.readAfter(cursor);
    const reason = gapAfter(cursor, page);
    // All of the new history is delivered.
    if (reason === "reset") page = await this.#history.readAfter({ epoch: page.epoch, offset: 0, id: NO_ID });
    const { last, topic } = this.#history;
    // A subscriber never gets a message before this process has seen it.
    const isNew = page.epoch !== last.epoch || page.top.offset > last.offset;
    // The broker has lost what this process has seen: that finds out how much, and takes its subscribers back.
    const isLost = reason === "fork" || (reason === undefined && page.entries.length === 0);
    if (isNew || isLost) await this.#history.sync();
    if (this.isEnded || this.cursor !== cursor) return;
    if (reason !== undefined) this.tellGap(reason, (this.cursor = markAfterGap(page)));
    const { epoch } = page;
    const messages = page.entries.map((entry) => new StoredMessage(entry, { topic, epoch }));
    if (messages.length > 0) this.#page = new WaitingPage(this.#pages, messages);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
