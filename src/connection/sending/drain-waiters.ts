import { Waiters } from "../../util/waiters.ts";
import { type TurnEnd, atTurnEnd } from "../transport/turn.ts";

/** What a room is looked for at. */
export interface DrainSource {
  /** No more than `highWaterMark` bytes wait. */
  readonly isDrained: boolean;
  /** Has `look` called when the stream has taken something, if nothing else would. */
  askWhenTaken(): void;
  /** There is room again. */
  onDrained(): void;
}

/** Those who wait until no more than `highWaterMark` bytes wait for the peer. A connection has one once somebody has to. */
export class DrainWaiters implements TurnEnd {
  readonly #source: DrainSource;
  #requested = false;
  #scheduled = false;
  #asked = false;
  readonly #waiters = new Waiters<boolean>();

  constructor(source: DrainSource) {
    this.#source = source;
  }

  /** Somebody waits for its promise. */
  get hasWaiters(): boolean {
    return this.#waiters.hasAny;
  }

  /** Somebody was told that there is none: looks at the end of this turn, when what was sent in it has been tried. */
  request(): void {
    this.#requested = true;
    this.#schedule();
  }

  /** Settles when there is room: true; when the connection is gone: false. */
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

  /** Something has left. Where that is not enough, it is asked again in the next turn: sizes that never add up stop nobody. */
  onTaken(): void {
    this.#asked = false;
    if (!this.#settleIfDrained() && this.#requested) this.#schedule();
  }

  /** The connection is gone: there will be none. */
  close(): void {
    this.#requested = false;
    this.#waiters.resolve(false);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atTurnEnd(this);
  }

  /** Whether somebody waits and there is room: then they are told. */
  #settleIfDrained(): boolean {
    if (!this.#requested || !this.#source.isDrained) return false;
    this.#requested = false;
    this.#waiters.resolve(true);
    this.#source.onDrained();
    return true;
  }
}
