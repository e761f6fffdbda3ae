/**
 * A time in which something is to have come. What came in it and was not read yet, because our own event loop stood still, is
 * read before it is judged.
 */
export class Deadline {
  readonly #ms: number;
  readonly #onExpired: () => void;
  readonly #progress: () => unknown;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;

  /**
   * @param ms milliseconds
   * @param late is called when they are over
   * @param sign is looked at then, and once more when the sockets have been read: where it has changed, the time begins anew
   */
  constructor(ms: number, late: () => void, sign: () => unknown = () => undefined) {
    this.#ms = ms;
    this.#onExpired = late;
    this.#progress = sign;
    this.start();
  }

  /** The whole time begins. */
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

  /** It does not matter any more. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#look);
  }
}
