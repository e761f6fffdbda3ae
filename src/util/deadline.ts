/**
 * A time limit. When the time is over, the sockets are read once more before `onExpired` is called: data that arrived in time, while our own
 * event loop was blocked, counts.
 */
export class Deadline {
  readonly #ms: number;
  readonly #onExpired: () => void;
  readonly #progress: () => unknown;
  #timer: NodeJS.Timeout | undefined;
  #recheck: NodeJS.Immediate | undefined;

  /**
   * @param ms milliseconds
   * @param onExpired is called when the time is over
   * @param progress is compared before and after the sockets are read: if it has changed, the time starts again
   */
  constructor(ms: number, onExpired: () => void, progress: () => unknown = () => undefined) {
    this.#ms = ms;
    this.#onExpired = onExpired;
    this.#progress = progress;
    this.start();
  }

  /**
   * Starts the time, or starts it again.
   *
   * @param ms milliseconds. Default: those of the constructor
   */
  start(ms = this.#ms): void {
    this.#timer = setTimeout(() => {
      const before = this.#progress();
      // Timers come before sockets in a turn of the event loop, immediates after them.
      this.#recheck = setImmediate(() => {
        if (this.#progress() === before) this.#onExpired();
        else this.start();
      });
    }, ms);
  }

  /** Stops the time. `onExpired` is not called. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#recheck);
  }
}
