/** Something to be run, among items that wait to be delivered. */
class Task {
  readonly run: () => void;

  constructor(run: () => void) {
    this.run = run;
  }
}

/**
 * Runs tasks one after the other. A task that returns a promise holds back those behind it until it settles; as long as
 * none does, nothing is queued and no promise is met. This is 4D's worker: a connection's callbacks never overlap.
 */
export class SerialQueue {
  readonly #onEmpty: () => void;
  readonly #deliver: (item: unknown) => void;
  readonly #delayBefore: () => PromiseLike<void> | undefined;
  #isWaiting = false;
  #running = false;
  /** Tasks, and items that wait to be delivered: a closure for each would be most of what a short message takes. */
  #waiting: unknown[] = [];
  #next = 0;
  /** The number of the promise that is awaited. Those with another number are not waited for any more. */
  #awaited = 0;

  /**
   * @param free is called whenever the queue has run empty
   * @param deliver is called for each item, when its turn comes
   * @param rest is asked before each item: what it returns is waited for, and then it is asked again
   */
  constructor(
    free: () => void,
    deliver: (item: unknown) => void = nothing,
    rest: () => PromiseLike<void> | undefined = () => undefined,
  ) {
    this.#onEmpty = free;
    this.#deliver = deliver;
    this.#delayBefore = rest;
  }

  /** True while a promise is awaited: what comes now must `defer`. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** How many tasks are deferred. */
  get length(): number {
    return this.#waiting.length - this.#next;
  }

  /**
   * Holds back what comes until `promise` settles. `failed` gets what it rejects with, before anything else runs; where
   * that holds again, its promise is waited for too.
   */
  waitFor(promise: PromiseLike<unknown>, failed: (error: unknown) => void = nothing): void {
    this.#isWaiting = true;
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
          this.#isWaiting = false;
          this.runNext();
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
  addTask(task: () => void): void {
    this.#waiting.push(new Task(task));
  }

  /** Has an item delivered when all that is before it has settled. */
  addItem(item: unknown): void {
    this.#waiting.push(item);
  }

  /** Runs what is deferred, as far as nothing is awaited. */
  runNext(): void {
    if (this.#isWaiting || this.#running) return;
    this.#running = true;
    try {
      while (!this.isWaiting && this.#next < this.#waiting.length) {
        const next = this.#waiting[this.#next];
        const rest = next instanceof Task ? undefined : this.#delayBefore();
        if (rest !== undefined) {
          this.waitFor(rest);
          break;
        }
        this.#next++;
        if (next instanceof Task) next.run();
        else this.#deliver(next);
      }
      if (this.#next === this.#waiting.length) {
        this.#waiting = [];
        this.#next = 0;
      }
    } finally {
      this.#running = false;
    }
    if (!this.isWaiting) this.#onEmpty();
  }

  /** Waits for what is awaited no more: what is deferred is run at once. */
  stopWaiting(): void {
    this.#awaited++;
    this.#isWaiting = false;
    this.runNext();
  }
}

function nothing(): void {
  // What is held for no reason of the user's cannot fail.
}
