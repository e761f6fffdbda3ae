import { Fifo } from "../../util/fifo.ts";
import { isThenable } from "../../util/thenable.ts";

/** Calls callbacks one at a time: after one that returns a promise the next one waits. */
export class SerialCallbacks {
  readonly #waiting = new Fifo<() => unknown>();
  readonly #onFailed: (error: unknown) => unknown;
  #isBusy = false;
  #waitsNoMore = false;

  /** @param onFailed is called with what a callback throws or rejects with, before the next one */
  constructor(onFailed: (error: unknown) => unknown) {
    this.#onFailed = onFailed;
  }

  /** Whether what is added waits. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Calls it now, or after those before it. */
  run(call: () => unknown): void {
    this.#waiting.push(call);
    this.#next();
  }

  /** Waits for no promise any more, neither for that of now nor for those to come. */
  stopWaiting(): void {
    this.#waitsNoMore = true;
    this.#isBusy = false;
    this.#next();
  }

  #next(): void {
    while (!this.#isBusy) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#isBusy = true;
      this.#call(next);
    }
  }

  #call(call: () => unknown): void {
    try {
      const result = call();
      if (isThenable(result)) return this.#await(result, this.#rejected);
    } catch (error) {
      return this.#rejected(error);
    }
    this.#isBusy = false;
  }

  #await(result: PromiseLike<unknown>, rejected: (error: unknown) => void): void {
    result.then(this.#settled, rejected);
    if (this.#waitsNoMore) this.#isBusy = false;
  }

  readonly #settled = (): void => {
    this.#isBusy = false;
    this.#next();
  };

  readonly #rejected = (error: unknown): void => {
    const result = this.#onFailed(error);
    if (isThenable(result)) this.#await(result, this.#settled);
    else this.#settled();
  };
}
