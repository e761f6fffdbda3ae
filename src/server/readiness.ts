/** The promise of `wss.ready`. Its rejection is handled, so that a server whose `ready` nobody reads is no unhandled rejection. */
export class Readiness {
  #promise: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;
  #isRead = false;
  #isSettled = false;

  constructor() {
    this.#promise = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#promise.catch(() => undefined);
  }

  /** The promise. Whoever reads it takes over the failure to start. */
  get promise(): Promise<void> {
    this.#isRead = true;
    return this.#promise;
  }

  /** Whether somebody has read the promise. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** The server has started. After `reject` there is a new promise: the user's web server may listen on another port. */
  resolve(): void {
    if (this.#isSettled) this.#promise = Promise.resolve();
    this.#isSettled = true;
    this.#resolve();
  }

  /** The server has not started. After `resolve` this does nothing. */
  reject(error: unknown): void {
    this.#isSettled = true;
    this.#reject(error);
  }
}

/** A server has not started, and nobody reads of it: an uncaught exception, as with a server of Node without a listener for `error`. */
export function failUncaught(error: Error): void {
  process.nextTick(() => {
    throw error;
  });
}
