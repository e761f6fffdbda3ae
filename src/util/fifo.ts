/** The front of the array is cut off when it has this many empty places, and they are half of the array. */
const COMPACT_AT = 64;

/** A list from which the oldest item is taken first. It does not move the other items each time one is taken. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** The index of the oldest item in `#items`. */
  #first = 0;

  /** The number of items. */
  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The oldest item; undefined if there is none. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  /** The newest item; undefined if there is none. */
  get last(): T | undefined {
    return this.#items.at(-1);
  }

  /** The item with this index, 0 being the oldest; undefined if there is none. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#first + index];
  }

  /** Adds an item after all others. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes the oldest item and returns it; undefined if there is none. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#first];
    // The list does not keep alive what was taken.
    this.#items[this.#first++] = undefined;
    if (this.length === 0) this.clear();
    else if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Removes the newest item and returns it; undefined if there is none. */
  pop(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items.pop();
    if (this.length === 0) this.clear();
    return item;
  }

  /** Removes all items. */
  clear(): void {
    this.#items.length = 0;
    this.#first = 0;
  }

  /** The items, the oldest first. The list must not change meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let i = this.#first; i < this.#items.length; i++) yield this.#items[i] as T;
  }
}
