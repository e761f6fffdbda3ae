/** How many are told to go at a time. */
export interface ShutdownSettings {
  /** Connections of one batch at least. */
  readonly closeBatchSize: number;
  /** Milliseconds between two batches on average. */
  readonly closeBatchInterval: number;
}

/** A pause is so much longer, or shorter, than the average, at most. */
const JITTER = 0.5;

/**
 * Says goodbye to everybody, a batch at a time and at irregular intervals: clients that were all told at once would all come
 * back at once, to the server that takes over.
 */
export class GracefulShutdown<C> {
  readonly #settings: ShutdownSettings;
  readonly #left: C[];
  readonly #close: (one: C) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: ShutdownSettings, everyone: readonly C[], close: (one: C) => void) {
    this.#settings = settings;
    this.#left = [...everyone].reverse();
    this.#close = close;
  }

  /** Begins. All are told within half of `ms` milliseconds, so that the other half is theirs to answer. */
  start(ms: number): void {
    const { closeBatchSize, closeBatchInterval } = this.#settings;
    const batches = Math.max(1, Math.floor(ms / 2 / (closeBatchInterval * (1 + JITTER))));
    this.#next(Math.max(closeBatchSize, Math.ceil(this.#left.length / batches)));
  }

  /** Says no more: those that are left are dealt with otherwise. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#left.length = 0;
  }

  #next(size: number): void {
    for (let told = 0; told < size; told++) {
      const one = this.#left.pop();
      if (one === undefined) return;
      this.#close(one);
    }
    if (this.#left.length === 0) return;
    const wait = this.#settings.closeBatchInterval * (1 - JITTER + Math.random() * 2 * JITTER);
    this.#timer = setTimeout(() => {
      this.#next(size);
    }, wait);
  }
}
