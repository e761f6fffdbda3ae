import { type Deferred, deferred } from "../util/deferred.ts";

/**
 * Calls the callbacks that are not about one connection, one at a time: the next waits for the promise of the one before, and for
 * the last callback of a connection that has ended. None is called before the code that asks for it has returned.
 */
export class CallbackChain {
  /** Settles when nothing runs or waits; undefined: nothing does. A client needs no promise then. */
  #last: Promise<unknown> | undefined;
  #stopped: Deferred | undefined;
  #isStopped = false;

  /** Calls `callback` after all before it. Settles as its result does. */
  run<Result>(callback: () => Result): Promise<Awaited<Result>> {
    const result = (this.#last ?? Promise.resolve()).then(callback);
    // The caller gets the rejection.
    const last = this.#settled(result).then(() => {
      if (this.#last === last) this.#last = this.#stopped = undefined;
    });
    this.#last = last;
    return result as Promise<Awaited<Result>>;
  }

  /** Waits for nothing any more: what follows is called in its order, at once. */
  stopWaiting(): void {
    this.#isStopped = true;
    this.#stopped?.resolve();
  }

  #settled(result: Promise<unknown>): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#stopped ??= deferred();
    return Promise.race([result, this.#stopped.promise]).then(noValue, noValue);
  }
}

function noValue(): void {
  // Only that it has settled counts.
}
