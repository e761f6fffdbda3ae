/** One second, in milliseconds. */
const SECOND = 1000;

/**
 * A token bucket that holds what one second brings: the rate is kept over any longer time, and a burst of one second's
 * worth is nobody's fault. It may be overdrawn: what was taken too much is paid back before it is full again.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  /**
   * @param perSecond how much it brings in a second, and holds at most; Infinity: it never runs dry
   * @param now milliseconds of a clock that never goes back
   */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#at = now;
  }

  /**
   * Takes out `amount`, whether it is there or not.
   *
   * @returns milliseconds until it is no longer overdrawn; 0 when it is not
   */
  take(amount: number, now: number): number {
    if (this.#perSecond === Infinity) return 0;
    const brought = ((now - this.#at) * this.#perSecond) / SECOND;
    this.#at = now;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + brought) - amount;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * SECOND) / this.#perSecond);
  }

  /** What was taken is not used after all. */
  giveBack(amount: number): void {
    this.#tokens += amount;
  }
}
