/** The array is compacted when at least this number of its items were taken, and at least half of all. */
const COMPACT_AT = 64;

/** A first-in, first-out queue. Taking an item does not move the others: `Array.prototype.shift` does for long arrays. */
export class Fifo<T extends object> {
  #items: (T | undefined)[] = [];
  /** The index of the first item in `#items`. */
  #first = 0;

  /** The number of items. */
  get length(): number {
    return this.#items.length - this.#first;
  }

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    // The array must not keep the item in memory.
    this.#items[this.#first++] = undefined;
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Returns the items, oldest first, in an array of their own. */
  toArray(): T[] {
    return this.#items.slice(this.#first) as T[];
  }
}
