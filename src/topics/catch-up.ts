import type { Mark, Page } from "../backplane/contract.ts";
import { NO_ID } from "../backplane/ids.ts";
import { positionOf } from "../backplane/position.ts";
import { EMPTY } from "../protocol/bytes.ts";
import type { Identified } from "../util/registry.ts";
import { type GapReason, NOWHERE, gapAfter, isSameMark, markAfterGap } from "./chain.ts";
import type { Receivers } from "./receivers.ts";
import { StoredMessage } from "./stored-message.ts";
import { type TopicFrameKind, topicHeader } from "./topic-frame.ts";

/** What a reader needs of its topic. */
export interface ReadableHistory<Receiver> {
  /** Its name. */
  readonly topic: string;
  /** The newest message that this process has seen. */
  readonly last: Mark;
  /** The message after a mark, if it is in memory. */
  next(mark: Mark): StoredMessage | undefined;
  /** What the broker has after a mark. */
  readAfter(mark: Mark): Promise<Page>;
  /** Reads from the broker what this process has missed. */
  sync(): Promise<void>;
  /** It has the newest message: it is live from now on. */
  onCaughtUp(receiver: Receiver, isFramed: boolean): void;
  /** Counts a gap of one subscriber. */
  noteGap(reason: GapReason): void;
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
  /** It has unsubscribed, or is closed. */
  isEnded = false;
  readonly #history: ReadableHistory<Receiver>;
  readonly #receiver: Receiver;
  readonly #receivers: Receivers<Receiver>;
  /** The message that it got last. */
  #cursor: Mark = NOWHERE;
  /** Messages that were read from the broker for it, and not sent yet. */
  #page: StoredMessage[] = [];

  constructor(
    history: ReadableHistory<Receiver>,
    receiver: Receiver,
    receivers: Receivers<Receiver>,
    isFramed: boolean,
  ) {
    this.#history = history;
    this.#receiver = receiver;
    this.#receivers = receivers;
    this.isFramed = isFramed;
  }

  /**
   * Sends all messages after a mark, until it has the newest one.
   *
   * @param from undefined: it goes on where it was
   * @returns whether it is live; false: it has ended. Rejects if the broker does
   */
  async run(from?: Mark): Promise<boolean> {
    if (from !== undefined) this.#cursor = from;
    for (let inTurn = 0; !this.isEnded; inTurn++) {
      if (this.#receivers.isCongested(this.#receiver)) {
        if (!(await this.#drained())) return false;
        continue;
      }
      if (isSameMark(this.#cursor, this.#history.last)) {
        // Nothing may be published between the look and this.
        this.#history.onCaughtUp(this.#receiver, this.isFramed);
        return true;
      }
      if (inTurn === MAX_PER_TURN) {
        inTurn = 0;
        await nextTurn();
        continue;
      }
      const message = this.#nextInMemory();
      if (message === undefined) await this.#read();
      else if (!this.#send(message) && !(await this.#drained())) return false;
    }
    return false;
  }

  /** Tells that messages may be missing. `at`: where they go on. */
  tellGap(reason: GapReason, at: Mark): void {
    const { topic } = this.#history;
    const position = positionOf(at);
    if (this.isFramed) this.sendFrame("g", position, reason);
    this.#receivers.onGap(this.#receiver, { type: "gap", topic, reason, position });
  }

  /** Sends a header line without a message, if its messages have one. */
  sendFrame(kind: TopicFrameKind, position: string | undefined, flag: string): void {
    if (!this.isFramed) return;
    const header = topicHeader(kind, position, flag, this.#history.topic);
    this.#receivers.send(
      this.#receiver,
      this.#receivers.share({ header, isBinary: false, mayCompress: true, payload: EMPTY }),
    );
  }

  #nextInMemory(): StoredMessage | undefined {
    return this.#page.shift() ?? this.#history.next(this.#cursor);
  }

  /** Sends a message. Returns false if it was dropped: then it is the next one again. */
  #send(message: StoredMessage): boolean {
    const shared = message.shared(this.isFramed, (one) => this.#receivers.share(one));
    if (shared !== undefined) {
      if (this.#receivers.send(this.#receiver, shared) === "dropped") {
        this.#page.unshift(message);
        return false;
      }
      this.sent++;
    }
    this.#cursor = message.mark;
    return true;
  }

  /** Waits until there is space. Returns false if the receiver is gone. */
  async #drained(): Promise<boolean> {
    const isOpen = await this.#receivers.drained(this.#receiver);
    // What is full again at once must not stop all others.
    await nextTurn();
    return isOpen;
  }

  /** Reads a page from the broker, and proves that nothing is missing before it. */
  async #read(): Promise<void> {
    const cursor = this.#cursor;
    let page = await this.#history.readAfter(cursor);
    const reason = gapAfter(cursor, page);
    // All of the new history is delivered.
    if (reason === "reset") page = await this.#history.readAfter({ epoch: page.epoch, offset: 0, id: NO_ID });
    const { last, topic } = this.#history;
    // This process must know of them before its subscriber.
    if (page.epoch !== last.epoch || page.top.offset > last.offset) await this.#history.sync();
    if (this.isEnded) return;
    if (reason !== undefined) {
      this.#cursor = markAfterGap(page);
      this.#history.noteGap(reason);
      this.tellGap(reason, this.#cursor);
    }
    const { epoch } = page;
    this.#page = page.entries.map((entry) => new StoredMessage(entry, { topic, epoch }));
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
