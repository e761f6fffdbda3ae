/**
 * A time limit. When it is over, the sockets are read once more before it is judged: data that arrived in time, while our own
 * event loop was blocked, counts.
 */
export class Deadline {
  readonly #ms: number;
  readonly #onExpired: () => void;
  readonly #progress: () => unknown;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;

  /**
   * @param ms milliseconds
   * @param late is called when the time is over
   * @param sign is compared before and after the sockets are read: if it has changed, the time starts again
   */
  constructor(ms: number, late: () => void, sign: () => unknown = () => undefined) {
    this.#ms = ms;
    this.#onExpired = late;
    this.#progress = sign;
    this.start();
  }

  /** Starts the time, or starts it again. */
  start(): void {
    this.#timer = setTimeout(() => {
      const before = this.#progress();
      // Timers come before sockets in a turn of the event loop, immediates after them.
      this.#look = setImmediate(() => {
        if (this.#progress() === before) this.#onExpired();
        else this.start();
      });
    }, this.#ms);
  }

  /** Stops the time. `late` is not called. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#look);
  }
}
