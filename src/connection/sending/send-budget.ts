/**
 * What waits for slow peers in the whole process, whichever server they belong to: many queues below their own limit are
 * together more than the memory there is. Only those whose stream is full stand here, so healthy connections neither pay
 * for it nor are judged by it.
 */
export class SendBudget {
  readonly #waiting = new Map<object, number>();
  #total = 0;

  /** Bytes that wait. */
  get total(): number {
    return this.#total;
  }

  /** Says how many bytes wait at `who` now. */
  set(who: object, bytes: number): void {
    this.#total += bytes - (this.#waiting.get(who) ?? 0);
    this.#waiting.set(who, bytes);
  }

  /** Nothing waits at `who` any more. */
  clear(who: object): void {
    this.#total -= this.#waiting.get(who) ?? 0;
    this.#waiting.delete(who);
  }

  /**
   * How many bytes may wait at one of those who stand here: as many as they like while the total is within `limit`; beyond
   * it an equal share, so that the largest queues give way and not those that came last.
   */
  share(limit: number): number {
    return this.#total <= limit ? Infinity : limit / this.#waiting.size;
  }
}

/** The one of this process. */
export const sendBudget = new SendBudget();
