/** How many connections are closed at a time. */
export interface ShutdownSettings {
  /** The least number of connections in a batch. */
  readonly closeBatchSize: number;
}

/** Options of the server's `terminate`. */
export interface ShutdownOptions {
  /** The reason in each close frame, at most 123 bytes of UTF-8. Default: `retry-after=` and a number of seconds, not the same for all. */
  readonly reason?: string | undefined;
  /** The code in each close frame, e.g. 1012 before a restart. Default 1001. The codes are those of `ws.close`. */
  readonly code?: number | undefined;
}

/**
 * Milliseconds between two batches on average. With the default batch of 1,000, ten thousand clients a second reconnect to
 * the server that takes over.
 */
const INTERVAL = 100;

/** A pause is longer or shorter than the average by at most this share of it. */
const JITTER = 0.5;

/** The clients are asked to come back within at least this many seconds. */
const MIN_RETRY_SECONDS = 10;

/**
 * Closes all connections, a batch at a time and at irregular intervals. Clients that were all closed at once would all
 * reconnect at once to the server that takes over. For the same reason each is asked to wait for a number of seconds before it
 * reconnects: the numbers go from 1 to 10, or, where that would be more than `closeBatchSize` clients a second, further.
 */
export class GracefulShutdown<C> {
  readonly #closeBatchSize: number;
  /** The connections that are still to be closed, the oldest last. */
  readonly #remaining: C[];
  readonly #close: (connection: C, retryAfter: number) => void;
  readonly #onFailed: (connection: C, error: unknown) => void;
  /** The numbers of seconds go from 1 to this. */
  readonly #maxRetryAfter: number;
  #closed = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param settings how many are closed at a time
   * @param connections all connections
   * @param close closes a connection, and asks its client to come back after `retryAfter` seconds
   * @param onFailed is called when `close` has thrown for a connection: the others are closed nevertheless
   */
  constructor(
    settings: ShutdownSettings,
    connections: readonly C[],
    close: (connection: C, retryAfter: number) => void,
    onFailed: (connection: C, error: unknown) => void,
  ) {
    const { closeBatchSize } = settings;
    this.#closeBatchSize = closeBatchSize;
    this.#remaining = [...connections].reverse();
    this.#close = close;
    this.#onFailed = onFailed;
    this.#maxRetryAfter = Math.max(MIN_RETRY_SECONDS, Math.ceil(connections.length / closeBatchSize));
  }

  /** Closes the first batch. All are closed within half of `ms` milliseconds, so that peers have the other half to answer. */
  start(ms: number): void {
    const batches = Math.max(1, Math.floor(ms / 2 / (INTERVAL * (1 + JITTER))));
    this.#closeBatch(Math.max(this.#closeBatchSize, Math.ceil(this.#remaining.length / batches)));
  }

  /** Closes no more connections. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#remaining.length = 0;
  }

  #closeBatch(size: number): void {
    for (let closed = 0; closed < size; closed++) {
      const connection = this.#remaining.pop();
      if (connection === undefined) return;
      try {
        this.#close(connection, (this.#closed++ % this.#maxRetryAfter) + 1);
      } catch (error) {
        this.#onFailed(connection, error);
      }
    }
    if (this.#remaining.length === 0) return;
    const wait = INTERVAL * (1 - JITTER + Math.random() * 2 * JITTER);
    this.#timer = setTimeout(() => {
      this.#closeBatch(size);
    }, wait);
  }
}
