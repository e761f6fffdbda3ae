import type { Duplex } from "node:stream";

import { type TurnEnd, atTurnEnd } from "../transport/turn.ts";
import type { ReceivingSettings } from "./settings.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** Bytes that are read while a handler is busy before reading stops within the turn: one read of the socket. */
const MAX_AHEAD = 64 * 1024;

/** Messages that wait for a busy handler before reading stops within the turn: what one read holds comes on top. */
const MAX_MESSAGES_AHEAD = 1024;

/** What a pace asks of its connection. */
export interface ReadFlowHost {
  /** The handler is at work. */
  readonly busy: boolean;
  /** Messages that wait for it. */
  readonly queuedCount: number;
  /** Messages are still wanted from the peer. Behind a close frame only the stream's end is, which is not to be missed. */
  readonly expectsMessages: boolean;
  /** Reading goes on. */
  onReadingResumed(): void;
}

/**
 * How fast one peer is read: not at all while its handler is busy and a little waits for it, nor while it has sent more
 * than it may. Connections with quick handlers and no limit of rates have none.
 */
export class ReadFlow implements TurnEnd {
  readonly #stream: Duplex;
  readonly #host: ReadFlowHost;
  readonly #settings: ReceivingSettings;
  readonly #throttle: RateLimiter | undefined;
  /** Bytes that came while the handler was busy. */
  #ahead = 0;
  #due = false;
  #paused = false;

  constructor(stream: Duplex, settings: ReceivingSettings, host: ReadFlowHost) {
    this.#stream = stream;
    this.#host = host;
    this.#settings = settings;
    this.#throttle = isRateLimited(settings) ? new RateLimiter(settings, performance.now()) : undefined;
  }

  /** Nothing is read now. */
  get paused(): boolean {
    return this.#paused;
  }

  /** A message came. Returns false where that is one too many, and the peer to be given up. */
  admitMessage(): boolean {
    return this.#throttle === undefined || this.#throttle.admitMessage(performance.now());
  }

  /** A chunk was read. Returns false where that is too much, and the peer to be given up. */
  admitBytes(bytes: number): boolean {
    const wait = this.#throttle === undefined ? 0 : this.#throttle.takeBytes(bytes, performance.now());
    if (wait === 0) return true;
    if (this.#settings.ratePolicy === "close") return false;
    this.#settings.limitCounters.maxBytesPerSecond++;
    this.#throttle?.delayReading(wait, () => this.#resume());
    this.#pause();
    return true;
  }

  /** Whether a message may be delivered now; where not, settles when that may be asked again. */
  rateDelay(): Promise<void> | undefined {
    return this.#throttle?.messageDelay(performance.now());
  }

  /** A chunk came while the handler is busy: its messages wait. */
  noteReadAhead(bytes: number): void {
    this.#ahead += bytes;
    if (this.#ahead > MAX_AHEAD || this.#host.queuedCount > MAX_MESSAGES_AHEAD) this.#pause();
    if (this.#due || this.#paused) return;
    this.#due = true;
    atTurnEnd(this);
  }

  /** A handler that is still busy at the turn's end stops the reading; most async ones have settled by then. */
  onTurnEnd(): void {
    this.#due = false;
    if (this.#host.busy) this.#pause();
  }

  /** The handler has settled, or nothing is wanted but the end. */
  onHandlerIdle(): void {
    this.#ahead = 0;
    this.#resume();
  }

  /** The stream is gone. */
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

/** Whether a peer's rate is limited. */
export function isRateLimited({ maxMessagesPerSecond, maxBytesPerSecond }: ReceivingSettings): boolean {
  return maxMessagesPerSecond !== Infinity || maxBytesPerSecond !== Infinity;
}
