/** One second, in milliseconds. */
const SECOND = 1000;

/**
 * A token bucket, full at first: the rate holds over a long time, and a burst of what it holds is allowed. It may be overdrawn: the debt is
 * paid before new tokens can be used.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #refilledAt: number;

  /**
   * @param perSecond tokens that are added in a second; Infinity: no limit
   * @param now milliseconds of a clock that never goes back
   * @param capacity the most that it holds; default: those of one second
   */
  constructor(perSecond: number, now: number, capacity = perSecond) {
    this.#perSecond = perSecond;
    this.#tokens = this.#capacity = capacity;
    this.#refilledAt = now;
  }

  /**
   * Takes `amount` tokens, also if there are fewer.
   *
   * @returns milliseconds until it is no longer overdrawn; 0 when it is not
   */
  take(amount: number, now: number): number {
    if (this.#perSecond === Infinity) return 0;
    const brought = ((now - this.#refilledAt) * this.#perSecond) / SECOND;
    this.#refilledAt = now;
    this.#tokens = Math.min(this.#capacity, this.#tokens + brought) - amount;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * SECOND) / this.#perSecond);
  }

  /** Puts tokens back that were taken and not used. */
  refund(amount: number): void {
    this.#tokens += amount;
  }
}
