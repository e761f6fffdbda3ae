/** A timer of the clock, with the methods of Node's timers. */
class FakeTimer {
  readonly #clock: Clock;
  readonly #run: () => void;
  readonly #delay: number;
  readonly #repeats: boolean;
  #at = 0;

  constructor(clock: Clock, run: () => void, delay: number, repeats: boolean) {
    this.#clock = clock;
    this.#run = run;
    this.#delay = Number.isNaN(delay) ? 1 : Math.min(Math.max(1, delay), 2 ** 31 - 1);
    this.#repeats = repeats;
    this.refresh();
  }

  /** The time at which it is due. */
  get at(): number {
    return this.#at;
  }

  /** Runs the timer's function. A timer that does not repeat is removed. */
  fire(): void {
    if (this.#repeats) this.refresh();
    else this.#clock.clear(this);
    this.#run();
  }

  refresh(): this {
    this.#at = this.#clock.now + this.#delay;
    this.#clock.add(this);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  close(): this {
    this.#clock.clear(this);
    return this;
  }
}

type AnyFunction = (...args: unknown[]) => void;

/** The functions that the clock replaces. */
const NAMES = ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const;

/**
 * A clock whose time passes only by `advance`: deadlines take no real time, and always fire in the same order. Node's own
 * modules keep their timers, and `setImmediate` is not replaced.
 */
export class Clock {
  /** The time in milliseconds. */
  now = 1_000_000;
  readonly #timers = new Set<FakeTimer>();
  readonly #real = NAMES.map((name) => [name, globalThis[name]] as const);

  /** The number of timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Replaces the timers and clocks of the process. */
  install(): void {
    const start =
      (repeats: boolean) =>
      (run: AnyFunction, delay = 1, ...args: unknown[]): FakeTimer =>
        new FakeTimer(this, () => run(...args), delay, repeats);
    const clear = (timer: unknown): void => {
      if (timer instanceof FakeTimer) this.clear(timer);
    };
    const fakes = { setTimeout: start(false), clearTimeout: clear, setInterval: start(true), clearInterval: clear };
    Object.assign(globalThis, fakes);
    Object.defineProperty(performance, "now", { configurable: true, value: () => this.now });
    Object.defineProperty(Date, "now", { configurable: true, writable: true, value: () => this.now });
  }

  /** Restores the timers and clocks of the process. */
  uninstall(): void {
    Object.assign(globalThis, Object.fromEntries(this.#real));
    Reflect.deleteProperty(performance, "now");
    Object.defineProperty(Date, "now", { configurable: true, writable: true, value: dateNow });
  }

  /** Lets time pass. Each timer that is due runs at its time. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.now = Math.max(this.now, next.at);
      next.fire();
    }
    this.now = until;
  }

  /** Sets a timer. */
  add(timer: FakeTimer): void {
    this.#timers.delete(timer);
    this.#timers.add(timer);
  }

  /** Removes a timer. */
  clear(timer: FakeTimer): void {
    this.#timers.delete(timer);
  }

  /** The timer that is due first, until the given time. Of two that are due at the same time, the one that was set first. */
  #next(until: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers)
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }
}

const dateNow = Date.now.bind(Date);
