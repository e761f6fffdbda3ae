import type { Duplex } from "node:stream";

import { type TurnEnd, atTurnEnd } from "../transport/turn.ts";
import type { ReceivingSettings } from "./settings.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** Bytes that may be read while a handler is busy, before reading stops within the turn: one read of the socket. */
const MAX_AHEAD = 64 * 1024;

/** Messages that may wait for a busy handler, before reading stops within the turn. One read may add more. */
const MAX_MESSAGES_AHEAD = 1024;

/** What it asks of its connection. */
export interface ReadFlowHost {
  /** The handler is busy. */
  readonly busy: boolean;
  /** Messages that wait for the handler. */
  readonly queuedCount: number;
  /** Messages may still be received. After a close frame only the end of the stream is awaited, and it must be read. */
  readonly expectsMessages: boolean;
  /** Reading was resumed. */
  onReadingResumed(): void;
}

/**
 * Decides when reading from one peer pauses: while its handler is busy and enough waits for it, and while the peer exceeds a
 * rate. Connections with quick handlers and no rate limit have none.
 */
export class ReadFlow implements TurnEnd {
  readonly #stream: Duplex;
  readonly #host: ReadFlowHost;
  readonly #settings: ReceivingSettings;
  readonly #throttle: RateLimiter | undefined;
  /** Bytes that were read while the handler was busy. */
  #ahead = 0;
  #due = false;
  #paused = false;

  constructor(stream: Duplex, settings: ReceivingSettings, host: ReadFlowHost) {
    this.#stream = stream;
    this.#host = host;
    this.#settings = settings;
    this.#throttle = isRateLimited(settings) ? new RateLimiter(settings, performance.now()) : undefined;
  }

  /** Reading is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Counts a message. Returns false if it exceeds the rate and the connection must be closed. */
  admitMessage(): boolean {
    return this.#throttle === undefined || this.#throttle.admitMessage(performance.now());
  }

  /** Counts the bytes of a read. Returns false if they exceed the rate and the connection must be closed. */
  admitBytes(bytes: number): boolean {
    const wait = this.#throttle === undefined ? 0 : this.#throttle.takeBytes(bytes, performance.now());
    if (wait === 0) return true;
    if (this.#settings.ratePolicy === "close") return false;
    this.#settings.limitCounters.maxBytesPerSecond++;
    this.#throttle?.delayReading(wait, () => this.#resume());
    this.#pause();
    return true;
  }

  /** Undefined if a message may be delivered now; otherwise a promise that settles when to ask again. */
  rateDelay(): Promise<void> | undefined {
    return this.#throttle?.messageDelay(performance.now());
  }

  /** Bytes were read while the handler is busy: their messages wait. */
  noteReadAhead(bytes: number): void {
    this.#ahead += bytes;
    if (this.#ahead > MAX_AHEAD || this.#host.queuedCount > MAX_MESSAGES_AHEAD) this.#pause();
    if (this.#due || this.#paused) return;
    this.#due = true;
    atTurnEnd(this);
  }

  /** A handler that is still busy at the end of the turn pauses reading. Most async handlers have settled by then. */
  onTurnEnd(): void {
    this.#due = false;
    if (this.#host.busy) this.#pause();
  }

  /** The handler has settled, or only the end of the stream is awaited. */
  onHandlerIdle(): void {
    this.#ahead = 0;
    this.#resume();
  }

  /** The stream is closed. */
  stop(): void {
    this.#throttle?.stop();
  }

  #pause(): void {
    if (this.#paused || !this.#host.expectsMessages) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #resume(): void {
    if (!this.#paused || (this.#host.expectsMessages && (this.#host.busy || this.#throttle?.isDelaying === true)))
      return;
    this.#paused = false;
    this.#host.onReadingResumed();
    this.#stream.resume();
  }
}

/** Whether a rate of the peer is limited. */
export function isRateLimited({ maxMessagesPerSecond, maxBytesPerSecond }: ReceivingSettings): boolean {
  return maxMessagesPerSecond !== Infinity || maxBytesPerSecond !== Infinity;
}
