/**
 * Runs tasks one after the other. A task that returns a promise holds back those behind it until it settles; as long as
 * none does, nothing is queued and no promise is met. This is 4D's worker: a connection's callbacks never overlap.
 */
export class SerialQueue {
  readonly #free: () => void;
  #held = false;
  #running = false;
  #waiting: (() => void)[] = [];
  #next = 0;
  /** The number of the promise that is awaited. Those with another number are not waited for any more. */
  #awaited = 0;

  /** @param free is called whenever the queue has run empty */
  constructor(free: () => void) {
    this.#free = free;
  }

  /** True while a promise is awaited: what comes now must `defer`. */
  get held(): boolean {
    return this.#held;
  }

  /** How many tasks are deferred. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /**
   * Holds back what comes until `promise` settles. `failed` gets what it rejects with, before anything else runs; where
   * that holds again, its promise is waited for too.
   */
  hold(promise: PromiseLike<unknown>, failed: (error: unknown) => void): void {
    this.#held = true;
    const number = ++this.#awaited;
    let over = false;
    const settle = (rejected: boolean, error?: unknown): void => {
      // A thenable of the user's may settle twice.
      if (over) return;
      over = true;
      try {
        if (rejected) failed(error);
      } finally {
        if (number === this.#awaited) {
          this.#held = false;
          this.goOn();
        }
      }
    };
    const reject = (error: unknown): void => settle(true, error);
    try {
      Promise.resolve(promise).then(() => settle(false), reject);
    } catch (error) {
      // Even a native promise may have a `then` of its own.
      queueMicrotask(() => reject(error));
    }
  }

  /** Has `task` run when all that is before it has settled. */
  defer(task: () => void): void {
    this.#waiting.push(task);
  }

  /** Runs what is deferred, as far as nothing is awaited. */
  goOn(): void {
    if (this.#held || this.#running) return;
    this.#running = true;
    try {
      for (let task = this.#take(); task !== undefined; task = this.held ? undefined : this.#take()) task();
    } finally {
      this.#running = false;
    }
    if (!this.held) this.#free();
  }

  /** Waits for what is awaited no more: what is deferred is run at once. */
  force(): void {
    this.#awaited++;
    this.#held = false;
    this.goOn();
  }

  #take(): (() => void) | undefined {
    if (this.#next < this.#waiting.length) return this.#waiting[this.#next++];
    this.#waiting = [];
    this.#next = 0;
    return undefined;
  }
}

/** True for a promise, or anything else with a `then`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
