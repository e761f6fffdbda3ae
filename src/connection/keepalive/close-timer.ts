import { Deadline } from "../../util/deadline.ts";
import { BYTES_PER_TIMEOUT, timeoutFactorOf } from "./bytes-in-flight.ts";

/** What was sent before the close frame. */
export interface SentData {
  /** The bytes of it that wait for the peer. */
  readonly size: number;
  /** Where it waits. */
  readonly buffer: {
    readonly writer: {
      /** The bytes that were written, in 32 bits. */
      readonly bytesWritten: number;
      /** The bytes of them that the system has taken. Only differences are useful. */
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
 * Limits how long a connection may take to close: `ms` milliseconds, and once more for each 512 KiB that the peer may not have
 * read yet. While data from before the close frame waits, this time starts again whenever the system has taken some of it. All
 * takes at most `MAX_TIMES * ms`, but large data may take until the time that `extend` allows.
 */
export class CloseTimer {
  readonly #owner: CloseTimerOwner;
  readonly #data: SentData;
  readonly #ms: number;
  readonly #deadline: Deadline;
  /** The time of `performance.now()` when the system last took some of what waited. Before: when the timer started. */
  #progressAt: number;
  /** No progress gives more time than this. */
  #latest: number;
  #sendDeadline = 0;
  /** Bytes that the system has taken since something was last received: the peer may not have read them. */
  #inFlight: number;
  #isHeard = false;
  #progressTimer: NodeJS.Timeout | undefined;
  // What was found when progress was last looked for.
  #isWaiting: boolean;
  #takenBytes: number;

  /** @param writtenBefore the number of bytes that had been written when something was last received before, in 32 bits */
  constructor(owner: CloseTimerOwner, data: SentData, ms: number, writtenBefore: number) {
    this.#owner = owner;
    this.#data = data;
    this.#ms = ms;
    this.#progressAt = performance.now();
    this.#latest = this.#progressAt + MAX_TIMES * ms;
    this.#isWaiting = data.size > 0;
    this.#takenBytes = data.buffer.writer.takenBytes;
    this.#inFlight = Math.max(0, (this.#takenBytes - writtenBefore) | 0);
    this.#deadline = new Deadline(
      ms,
      () => this.#onExpired(),
      () => owner.peerClose,
    );
    this.#watchProgress();
  }

  /** Data before the close frame may take until `sendDeadline` in any case, a time of `performance.now()`. */
  extend(sendDeadline: number): void {
    this.#sendDeadline = Math.max(this.#sendDeadline, sendDeadline);
    this.#latest = Math.max(this.#latest, sendDeadline);
  }

  /** The peer gets the timeout once, whatever it has still to read: it was found to be too slow. */
  limitToTimeout(): void {
    this.#latest = Math.max(this.#progressAt + this.#ms, this.#sendDeadline);
  }

  /**
   * The peer has sent something, and has not answered the close frame yet: it is there. It may have sent that before as well, so
   * it may not have read anything of what a system can hold.
   */
  noteReceived(): void {
    this.#isHeard = true;
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
    if (this.#isWaiting && (!isWaiting || takenBytes !== this.#takenBytes)) {
      this.#progressAt = performance.now();
      this.#inFlight += Math.max(0, (takenBytes - this.#takenBytes) | 0);
    }
    this.#isWaiting = isWaiting;
    this.#takenBytes = takenBytes;
  }

  /** When the time is over, as far as is known now. */
  #end(): number {
    const inFlight = this.#isHeard ? this.#data.buffer.writer.bytesWritten >>> 0 : this.#inFlight;
    const end = Math.min(this.#progressAt + this.#ms * timeoutFactorOf(inFlight), this.#latest);
    // Whether the peer has read the last bytes cannot be seen. A few need no more time than its answer.
    const hasMuch = this.#isWaiting || inFlight >= BYTES_PER_TIMEOUT;
    return hasMuch ? Math.max(end, this.#sendDeadline) : end;
  }

  #onExpired(): void {
    this.#noteProgress();
    const rest = this.#end() - performance.now();
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
