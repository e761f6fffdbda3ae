import { inNoContext } from "../transport/no-context.ts";

/** The items that are checked. They may be added and removed during an iteration, as in a `Map`. */
export interface IterableSet<C> {
  /** How many there are. */
  readonly size: number;
  /** An iterator over all of them. */
  values(): Iterator<C>;
}

/** Every connection is checked once in this many ticks, at the latest. */
export const TICKS_PER_ROUND = 4;

/** Connections that are checked in a tick at least. A small server checks all its connections in every tick. */
const MIN_CHECKS_PER_TICK = 1000;

/**
 * The one timer for all connections of a server. It is their clock, and in each tick it checks a part of them. No
 * connection has a timer of its own.
 */
export class LivenessTimer<C> {
  /**
   * The number of the current tick. It counts turns of the event loop, not seconds: after a long stall of this process,
   * only one tick has passed.
   */
  currentTick = 0;
  readonly #tickMs: number;
  readonly #connections: IterableSet<C>;
  readonly #check: (connection: C) => void;
  #timer: NodeJS.Timeout | undefined;
  #iterator: Iterator<C> | undefined;
  /** How many connections are still to be checked in this round. */
  #remaining = 0;

  /**
   * @param tickMs milliseconds of a tick
   * @param check checks whether a connection's peer still responds
   */
  constructor(tickMs: number, connections: IterableSet<C>, check: (connection: C) => void) {
    this.#tickMs = tickMs;
    this.#connections = connections;
    this.#check = check;
  }

  /** Starts the timer, unless it runs. Called when a connection opens. */
  start(): void {
    if (this.#timer !== undefined) return;
    // The sockets keep the process running, not this timer.
    this.#timer = inNoContext(() => setInterval(this.#onTick, this.#tickMs)).unref();
  }

  /** Stops the timer. Called when the last connection has closed, and its handler has finished. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = this.#iterator = undefined;
    this.#remaining = 0;
  }

  readonly #onTick = (): void => {
    this.currentTick++;
    // In a turn, timers run before sockets are read. Data that has arrived is read before the check.
    setImmediate(this.#checkNext);
  };

  readonly #checkNext = (): void => {
    if (this.#timer === undefined) return;
    const { size } = this.#connections;
    const count = Math.min(size, Math.max(MIN_CHECKS_PER_TICK, Math.ceil(size / TICKS_PER_ROUND)));
    for (let checked = 0; checked < count; checked++) {
      const next = this.#next();
      if (next.done === true) return;
      this.#check(next.value);
    }
  };

  #next(): IteratorResult<C> {
    if (this.#remaining === 0) this.#beginRound();
    let next = this.#iterator?.next();
    if (next === undefined || next.done === true) next = this.#beginRound().next();
    this.#remaining--;
    return next;
  }

  /** A round has as many checks as there are connections now. Those that open during it come last, and must not make it endless. */
  #beginRound(): Iterator<C> {
    this.#remaining = this.#connections.size;
    return (this.#iterator = this.#connections.values());
  }
}
