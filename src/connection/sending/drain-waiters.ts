import { Waiters } from "../../util/waiters.ts";
import { type TurnEndListener, atTurnEnd } from "../transport/turn.ts";

/** The sender whose waiting bytes a `DrainWaiters` observes. */
export interface DrainSource {
  /** At most `highWaterMark` bytes wait. */
  readonly isDrained: boolean;
  /** Asks for a call to `onTaken` when the stream has taken its bytes, unless such a call comes anyway. */
  askWhenTaken(): void;
  /** At most `highWaterMark` bytes wait again. */
  onDrained(): void;
  /** The check threw: the connection cannot go on. */
  onFailed(error: unknown): void;
}

/**
 * The callers that wait until at most `highWaterMark` bytes wait for the peer. A connection makes this object only when
 * its first caller has to wait.
 */
export class DrainWaiters implements TurnEndListener {
  readonly #source: DrainSource;
  #requested = false;
  #scheduled = false;
  #asked = false;
  readonly #waiters = new Waiters<boolean>();

  constructor(source: DrainSource) {
    this.#source = source;
  }

  /** Whether a caller waits for its promise. */
  get hasWaiters(): boolean {
    return this.#waiters.hasAny;
  }

  /** A caller was told to wait. The check follows at the end of this turn, after the frames of this turn were written. */
  request(): void {
    this.#requested = true;
    this.#schedule();
  }

  /** Resolves with true when the sender has drained, with false when the connection is gone. */
  wait(): Promise<boolean> {
    this.request();
    return this.#waiters.wait();
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    if (this.#settleIfDrained() || !this.#requested || this.#asked) return;
    this.#asked = true;
    this.#source.askWhenTaken();
  }

  onTurnEndFailed(error: unknown): void {
    this.#source.onFailed(error);
  }

  /** The stream has taken bytes. If too many still wait, the next turn checks again: a stream that counts wrongly blocks no caller. */
  onTaken(): void {
    this.#asked = false;
    if (!this.#settleIfDrained() && this.#requested) this.#schedule();
  }

  /** The connection is gone: it will not drain any more. */
  close(): void {
    this.#requested = false;
    this.#waiters.resolve(false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Resolves the promises if a caller waits and the sender has drained. Returns whether it did. */
  #settleIfDrained(): boolean {
    if (!this.#requested || !this.#source.isDrained) return false;
    this.#requested = false;
    this.#waiters.resolve(true);
    this.#source.onDrained();
    return true;
  }
}
