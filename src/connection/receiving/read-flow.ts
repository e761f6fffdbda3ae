import type { Duplex } from "node:stream";

import type { Liveness } from "../keepalive/liveness.ts";
import { destroyStream } from "../transport/stream-destroy.ts";
import { type TurnEndListener, atTurnEnd } from "../transport/turn.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** Bytes that may be read while a handler is busy, before reading stops within the turn: one read of the socket. */
const MAX_BYTES_AHEAD = 64 * 1024;

/** Messages that may wait for a busy handler, before reading stops within the turn. One read may add more. */
const MAX_MESSAGES_AHEAD = 1024;

/** The messages that wait for a handler: those of a `HandlerDispatcher`. */
export interface QueuedMessages {
  /** The handler is busy. */
  readonly isBusy: boolean;
  /** The number of messages that wait for it. */
  readonly queuedCount: number;
}

/**
 * Decides when reading from one peer pauses: while its handler is busy and enough waits for it, and while the peer exceeds a
 * rate. Connections with quick handlers and no rate limit have none.
 */
export class ReadFlow implements TurnEndListener {
  readonly #stream: Duplex;
  readonly #messages: QueuedMessages;
  readonly #liveness: Liveness;
  readonly #rateLimiter: RateLimiter | undefined;
  /** Bytes that were read while the handler was busy. */
  #bytesAhead = 0;
  #scheduled = false;
  #paused = false;
  #released = false;

  constructor(stream: Duplex, messages: QueuedMessages, liveness: Liveness, rateLimiter?: RateLimiter) {
    this.#stream = stream;
    this.#messages = messages;
    this.#liveness = liveness;
    this.#rateLimiter = rateLimiter;
  }

  /** Reading is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Counts a message. Returns false if it exceeds the rate and the connection must be closed. */
  countMessage(): boolean {
    return this.#rateLimiter === undefined || this.#rateLimiter.countMessage(performance.now());
  }

  /** Counts the bytes of a read. Returns false if they exceed the rate and the connection must be closed. */
  countBytes(bytes: number): boolean {
    const limiter = this.#rateLimiter;
    const wait = limiter === undefined ? 0 : limiter.takeBytes(bytes, performance.now());
    if (limiter === undefined || wait === 0) return true;
    if (limiter.closes) return false;
    limiter.delayReading(wait, () => this.#resume());
    this.#pause();
    return true;
  }

  /** Bytes were read while the handler is busy: their messages wait. */
  noteReadAhead(bytes: number): void {
    this.#bytesAhead += bytes;
    if (this.#bytesAhead > MAX_BYTES_AHEAD || this.#messages.queuedCount > MAX_MESSAGES_AHEAD) this.#pause();
    if (this.#scheduled || this.#paused) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** A handler that is still busy at the end of the turn pauses reading. Most async handlers have settled by then. */
  onTurnEnd(): void {
    this.#scheduled = false;
    if (this.#messages.isBusy) this.#pause();
  }

  /** A user's own stream may throw when it is paused. */
  onTurnEndFailed(error: unknown): void {
    destroyStream(this.#stream, error);
  }

  /** The handler has settled. */
  onHandlerIdle(): void {
    this.#bytesAhead = 0;
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

  #pause(): void {
    if (this.#paused || this.#released) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #resume(): void {
    const mustWait = this.#messages.isBusy || this.#rateLimiter?.isDelaying === true;
    if (!this.#paused || (mustWait && !this.#released)) return;
    this.#paused = false;
    // While we did not read, the peer could not show that it is there: its silence starts now.
    this.#liveness.noteActivity();
    this.#stream.resume();
  }
}
