/** What has bytes that wait. */
export interface BudgetOwner {
  /** Its bytes in the budget, which alone changes them; undefined: it is not entered. */
  budgeted: number | undefined;
}

/**
 * Counts the bytes that wait at all owners together. Each queue may be below its own limit while all of them together need
 * too much memory. Only owners where something waits for long are entered: the others cost nothing, and the limit does not
 * apply to them.
 */
export class ByteBudget {
  // A map of the owners would be made anew again and again, as they come and go: that alone was a fifth of an echo of 64 KiB.
  #owners = 0;
  #total = 0;
  #reserved = 0;

  /** The bytes that wait at all owners, and those that are reserved. */
  get total(): number {
    return this.#total;
  }

  /** The bytes that are reserved. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Notes the number of bytes that wait at `owner` now. */
  set(owner: BudgetOwner, bytes: number): void {
    if (owner.budgeted === undefined) this.#owners++;
    this.#total += bytes - (owner.budgeted ?? 0);
    owner.budgeted = bytes;
  }

  /** Removes `owner`: nothing waits there any more. */
  clear(owner: BudgetOwner): void {
    if (owner.budgeted === undefined) return;
    this.#owners--;
    this.#total -= owner.budgeted;
    owner.budgeted = undefined;
  }

  /** Reserves bytes that belong to no owner, if the total stays within `limit`. Returns whether it does. */
  take(bytes: number, limit: number): boolean {
    if (this.#total + bytes > limit) return false;
    this.#total += bytes;
    this.#reserved += bytes;
    return true;
  }

  /** Gives back bytes that were taken. */
  giveBack(bytes: number): void {
    this.#total -= bytes;
    this.#reserved -= bytes;
  }

  /**
   * The number of bytes that may wait at each owner entered here. There is no limit while the total is at most
   * `limit`. Above that, each gets an equal share of what is not reserved, so that the largest queues must shrink, not the
   * newest.
   */
  share(limit: number): number {
    if (this.#total <= limit) return Infinity;
    // Another limit may have allowed to reserve more than this one.
    return Math.max(0, limit - this.#reserved) / this.#owners;
  }
}
