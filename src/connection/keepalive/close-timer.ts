import { Deadline } from "../../util/deadline.ts";

/** What was sent before the close frame. */
export interface SentData {
  /** The bytes of it that wait for the peer. */
  readonly size: number;
  /** Where it waits. */
  readonly buffer: {
    readonly writer: {
      /** The bytes that the system has taken. Only differences are useful. */
      readonly takenBytes: number;
    };
  };
}

/** What a close timer needs of its connection. */
export interface CloseTimerOwner {
  /** What the peer's close frame said, once it was read. When it comes at the last moment, the time starts again. */
  readonly peerClose: unknown;
  /** The peer did not read, did not answer, or did not close its side, in time. */
  onCloseTimeout(): void;
}

/** The longest time to close, as a multiple of the timeout: a peer that reads all the time, but slowly, cannot stay for good. */
const MAX_TIMES = 12;

/** While data waits, progress is looked for this often within the timeout. */
const CHECKS = 4;

/**
 * Limits how long a connection may take to close: `ms` milliseconds. While data from before the close frame waits, they start
 * again whenever the system has taken some of it; but all takes at most `MAX_TIMES` as long. Such data may take until
 * `sendDeadline` in any case, a time of `performance.now()`.
 */
export class CloseTimer {
  readonly #owner: CloseTimerOwner;
  readonly #data: SentData;
  readonly #ms: number;
  readonly #sendDeadline: number;
  /** No progress gives more time than this. */
  readonly #latest: number;
  readonly #deadline: Deadline;
  /** What the last progress gives time until. */
  #extendedTo = 0;
  #progressTimer: NodeJS.Timeout | undefined;
  // What was found when progress was last looked for.
  #isWaiting: boolean;
  #takenBytes: number;

  constructor(owner: CloseTimerOwner, data: SentData, ms: number, sendDeadline: number) {
    this.#owner = owner;
    this.#data = data;
    this.#ms = ms;
    this.#sendDeadline = sendDeadline;
    this.#latest = Math.max(performance.now() + MAX_TIMES * ms, sendDeadline);
    this.#isWaiting = data.size > 0;
    this.#takenBytes = data.buffer.writer.takenBytes;
    this.#deadline = new Deadline(
      ms,
      () => this.#onExpired(),
      () => owner.peerClose,
    );
    this.#watchProgress();
  }

  /** The connection is closed. */
  stop(): void {
    this.#deadline.stop();
    clearTimeout(this.#progressTimer);
  }

  #watchProgress(): void {
    clearTimeout(this.#progressTimer);
    if (!this.#isWaiting) return;
    this.#progressTimer = setTimeout(() => {
      this.#noteProgress();
      this.#watchProgress();
    }, this.#ms / CHECKS);
  }

  #noteProgress(): void {
    const isWaiting = this.#data.size > 0;
    const { takenBytes } = this.#data.buffer.writer;
    // The peer's time to answer starts when it has received what was sent before.
    if (this.#isWaiting && (!isWaiting || takenBytes !== this.#takenBytes))
      this.#extendedTo = Math.min(performance.now() + this.#ms, this.#latest);
    this.#isWaiting = isWaiting;
    this.#takenBytes = takenBytes;
  }

  #onExpired(): void {
    this.#noteProgress();
    const end = this.#isWaiting ? Math.max(this.#extendedTo, this.#sendDeadline) : this.#extendedTo;
    const rest = end - performance.now();
    // A timer cannot wait for less than a millisecond.
    if (rest >= 1) {
      this.#deadline.start(Math.min(rest, this.#ms));
      this.#watchProgress();
      return;
    }
    clearTimeout(this.#progressTimer);
    this.#owner.onCloseTimeout();
  }
}
