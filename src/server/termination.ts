import { deferred } from "../util/deferred.ts";

/** The end of a server that was asked to terminate: how long it may take, and who waits for it. */
export class Termination {
  readonly #over = deferred();
  readonly #ended = deferred();
  readonly #onOver: () => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #isOver = false;
  #hasEnded = false;

  /** @param onOver is called whenever the time of a call of `terminate` is over */
  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  /** Resolves when all of the server has ended: the promise of `terminate`. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves when the time is over. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Whether the time is over: nothing is awaited any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The time is over in `ms` milliseconds at the latest. Another call may shorten it; the shortest counts. */
  limit(ms: number): void {
    if (this.#hasEnded) return;
    if (ms === 0) this.#expire();
    else this.#timers.push(setTimeout(() => this.#expire(), ms));
  }

  /** Everything has ended. */
  end(): void {
    this.#hasEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#ended.resolve();
  }

  #expire(): void {
    this.#isOver = true;
    this.#over.resolve();
    this.#onOver();
  }
}
