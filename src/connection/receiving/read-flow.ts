import type { Duplex } from "node:stream";

import type { Liveness } from "../keepalive/liveness.ts";
import { destroyStream } from "../transport/stream-destroy.ts";
import { type TurnEndListener, atTurnEnd, inNextTurn } from "../transport/turn.ts";
import type { BudgetOwner } from "../../util/byte-budget.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { receiveBudget } from "./receive-budget.ts";
import type { ReceivingSettings } from "./settings.ts";

/** Bytes that may wait for a busy handler before reading stops: one read of the socket. One read may add more. */
const MAX_BYTES_AHEAD = 64 * 1024;

/** Messages that may wait for a busy handler before reading stops. One read may add more. */
const MAX_MESSAGES_AHEAD = 1024;

/** Reading goes on when no more than this part of what stopped it waits: then not each message stops it, and the next ones are here in time. */
const LOW_WATER = 0.5;

/** The messages that wait for a handler: those of a `HandlerDispatcher`. */
export interface QueuedMessages {
  /** The handler is busy. */
  readonly isBusy: boolean;
  /** The number of messages that wait for it. */
  readonly queuedCount: number;
  /** The bytes that they take. */
  readonly queuedBytes: number;
  /** The bytes of a message before them that another thread decompresses. */
  readonly decodingBytes: number;
}

/** The connection that is read. */
export interface ReadSource {
  /** What is paused. */
  readonly stream: Duplex;
  /** What waits. */
  readonly messages: QueuedMessages;
  /** Is told that reading goes on. */
  readonly liveness: Liveness;
}

/**
 * Decides when reading from one peer pauses: while enough waits for its busy handler, and while the peer exceeds a rate. Until
 * then reading goes on, so that pings are answered and a peer that leaves is noticed. Connections with quick handlers and no
 * rate limit have none.
 */
export class ReadFlow implements TurnEndListener, BudgetOwner {
  budgeted: number | undefined = undefined;
  readonly #source: ReadSource;
  readonly #settings: ReceivingSettings;
  readonly #rateLimiter: RateLimiter | undefined;
  /** The bytes of a message that has not arrived completely. */
  #unfinished = 0;
  /** For `streamedBytes`. */
  #streamed = 0;
  /** The handler reads a stream, and waits for bytes that have not come. */
  waitsForPeer = false;
  #scheduled = false;
  #paused = false;
  #isFull = false;
  #waitsForTurn = false;
  #released = false;

  constructor(source: ReadSource, settings: ReceivingSettings, rateLimiter?: RateLimiter) {
    this.#source = source;
    this.#settings = settings;
    this.#rateLimiter = rateLimiter;
  }

  /** Reading is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Reading is paused until the handler has come further: enough waits for it. */
  get isFull(): boolean {
    return this.#paused && this.#isFull;
  }

  /** The bytes of messages that the handler reads as streams, or may. They have come, and were not read. */
  get streamedBytes(): number {
    return this.#streamed;
  }

  /** Counts a message. Returns false if it exceeds the rate and the connection must be closed. */
  countMessage(): boolean {
    return this.#rateLimiter === undefined || this.#rateLimiter.countMessage(performance.now());
  }

  /**
   * Counts a message that waits for no handler, because it is answered without one. Beyond the rate, reading pauses. Returns false
   * if the connection must be closed.
   */
  countAnswered(): boolean {
    const limiter = this.#rateLimiter;
    return (
      limiter === undefined || this.#delay(limiter, limiter.takeMessage(performance.now()), "maxMessagesPerSecond")
    );
  }

  /** Counts the bytes of a read. Returns false if they exceed the rate and the connection must be closed. */
  countBytes(bytes: number): boolean {
    const limiter = this.#rateLimiter;
    return (
      limiter === undefined || this.#delay(limiter, limiter.takeBytes(bytes, performance.now()), "maxBytesPerSecond")
    );
  }

  /**
   * Something was read while the handler is busy. If enough waits for it, reading pauses at once.
   *
   * @param unfinished the bytes of a message that has not arrived completely
   */
  noteReadAhead(unfinished: number): void {
    this.#unfinished = unfinished;
    const { queuedCount, queuedBytes } = this.#source.messages;
    const waiting = queuedBytes + unfinished + this.#streamed;
    if (waiting > MAX_BYTES_AHEAD || queuedCount > MAX_MESSAGES_AHEAD) this.#pauseForHandler();
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Bytes of a message have come that may be streamed. */
  noteStreamed(bytes: number): void {
    this.#streamed += bytes;
  }

  /** This many of them were read, or are counted elsewhere now. If few wait, reading goes on. */
  noteTaken(bytes: number): void {
    this.#streamed -= bytes;
    this.noteDelivered();
  }

  /** The peer has sent enough for one turn: reading pauses until the next one. */
  pauseForTurn(): void {
    if (this.#waitsForTurn) return;
    this.#waitsForTurn = true;
    this.#pause();
    inNextTurn(() => {
      this.#waitsForTurn = false;
      this.#resume();
    });
  }

  /** Enters what waits in the budget of the process. Most async handlers have settled by now. */
  onTurnEnd(): void {
    this.#scheduled = false;
    if (!this.#source.messages.isBusy) return;
    if (this.#countWaiting() <= receiveBudget.share(this.#settings.maxTotalReceiveQueue)) return;
    this.#settings.limitCounters.maxTotalReceiveQueue++;
    if (!this.isFull) this.#pauseForHandler();
  }

  onTurnEndFailed(error: unknown): void {
    destroyStream(this.#source.stream, error);
  }

  /** A message that has waited was delivered. If little waits after it, reading goes on, although the handler is busy. */
  noteDelivered(): void {
    // A handler that stays busy, as with an open stream, would keep in the budget what it has taken.
    const waiting = this.budgeted === undefined ? 0 : this.#countWaiting();
    if (!this.#isFull) return;
    const { queuedCount, queuedBytes } = this.#source.messages;
    if (queuedCount > LOW_WATER * MAX_MESSAGES_AHEAD) return;
    if (queuedBytes + this.#unfinished + this.#streamed > LOW_WATER * MAX_BYTES_AHEAD) return;
    const { maxTotalReceiveQueue: limit } = this.#settings;
    if (waiting > 0 && waiting > receiveBudget.share(LOW_WATER * limit)) return;
    this.#isFull = false;
    this.#resume();
  }

  /** No callback runs or is awaited, and nothing waits. Called after each callback once a `SerialQueue` exists, else if reading is paused. */
  onHandlerIdle(): void {
    this.#isFull = false;
    receiveBudget.clear(this);
    this.#resume();
  }

  /** No more messages are expected. Reading goes on and is not paused again, so that the end of the stream is seen. */
  release(): void {
    this.#released = true;
    this.#resume();
  }

  /** The stream is closed. */
  stop(): void {
    this.#rateLimiter?.stop();
  }

  /** Does not read for `ms` milliseconds. Returns false if the connection must be closed instead. */
  #delay(limiter: RateLimiter, ms: number, rate: "maxMessagesPerSecond" | "maxBytesPerSecond"): boolean {
    if (ms === 0) return true;
    if (limiter.closes) return false;
    limiter.delayReading(ms, rate, () => this.#resume());
    this.#pause();
    return true;
  }

  /** Enters what waits in the budget of the process, and returns it. */
  #countWaiting(): number {
    const { queuedBytes, decodingBytes } = this.#source.messages;
    const waiting = queuedBytes + decodingBytes + this.#unfinished + this.#streamed;
    // Without bytes it has no part in the shares of the others.
    if (waiting === 0) receiveBudget.clear(this);
    else receiveBudget.set(this, waiting);
    return waiting;
  }

  #pauseForHandler(): void {
    this.#isFull = true;
    this.#pause();
    // A handler that waits for a round trip would wait for itself: the pong may come after messages that are not read.
    this.#source.liveness.abandonRoundTrip();
  }

  #pause(): void {
    if (this.#paused || this.#released) return;
    this.#paused = true;
    this.#guard(() => this.#source.stream.pause());
  }

  #resume(): void {
    const mustWait = this.#isFull || this.#waitsForTurn || this.#rateLimiter?.isDelaying === true;
    if (!this.#paused || (mustWait && !this.#released)) return;
    this.#paused = false;
    // While we did not read, the peer could not show that it is there: its silence starts now.
    this.#source.liveness.noteActivity();
    this.#guard(() => this.#source.stream.resume());
  }

  /** A user's own stream may throw: only its connection ends. */
  #guard(change: () => unknown): void {
    try {
      change();
    } catch (error) {
      destroyStream(this.#source.stream, error);
    }
  }
}
