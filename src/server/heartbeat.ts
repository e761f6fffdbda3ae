/** Those who are looked at. They may come and go while they are walked over, as in a `Map`. */
export interface IterableSet<C> {
  /** How many they are. */
  readonly size: number;
  /** All of them, one after the other. */
  values(): Iterator<C>;
}

/** All are looked at once in so many ticks. */
const TICKS_A_ROUND = 4;

/** So many are looked at in a tick in any case: a small server's are, every time. */
const LEAST = 1000;

/**
 * The one timer of all connections of a server: their clock, and a walk around all of them, a part each tick. No
 * connection has a timer or an entry in a list of its own.
 */
export class Heartbeat<C> {
  /**
   * The tick of now. It counts turns of the event loop, not seconds: after a stall of ours, however long, one tick is
   * over and not what the stall has taken.
   */
  now = 0;
  readonly #tick: number;
  readonly #everyone: IterableSet<C>;
  readonly #look: (one: C) => void;
  #timer: NodeJS.Timeout | undefined;
  #walk: Iterator<C> | undefined;
  /** How many of this round are still to be looked at. */
  #left = 0;

  /**
   * @param tick milliseconds; Infinity: nobody is to be looked at
   * @param look looks whether somebody's peer is still there
   */
  constructor(tick: number, everyone: IterableSet<C>, look: (one: C) => void) {
    this.#tick = tick;
    this.#everyone = everyone;
    this.#look = look;
  }

  /** Somebody has come. */
  start(): void {
    if (this.#timer !== undefined || this.#tick === Infinity) return;
    // Sockets keep the process alive, not the look at them.
    this.#timer = setInterval(this.#onTick, this.#tick).unref();
  }

  /** Everybody has gone. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = this.#walk = undefined;
    this.#left = 0;
  }

  readonly #onTick = (): void => {
    this.now++;
    // Timers come before sockets in a turn: what waits there is read first.
    setImmediate(this.#walkOn);
  };

  readonly #walkOn = (): void => {
    if (this.#timer === undefined) return;
    const { size } = this.#everyone;
    const many = Math.min(size, Math.max(LEAST, Math.ceil(size / TICKS_A_ROUND)));
    for (let seen = 0; seen < many; seen++) {
      const next = this.#next();
      if (next.done === true) return;
      this.#look(next.value);
    }
  };

  #next(): IteratorResult<C> {
    if (this.#left === 0) this.#beginRound();
    let next = this.#walk?.next();
    if (next === undefined || next.done === true) next = this.#beginRound().next();
    this.#left--;
    return next;
  }

  /** A round is as many as there are now: those who come during it stand behind them, and must not make it endless. */
  #beginRound(): Iterator<C> {
    this.#left = this.#everyone.size;
    return (this.#walk = this.#everyone.values());
  }
}
