/** An item of a `LinkedList`. Only the list changes these fields. */
export interface Linked {
  /** The list that has it. */
  list: unknown;
  /** The item before it. */
  previous: Linked | undefined;
  /** The item after it. */
  next: Linked | undefined;
}

/**
 * Items in an order, each in one list at most. Everything takes constant time. A `Map` has an order too, but where its first entry is removed
 * again and again, each look for the new first one takes longer.
 */
export class LinkedList<Item extends Linked> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  /** The number of items. */
  get size(): number {
    return this.#size;
  }

  /** The item that was added the longest ago. */
  get first(): Item | undefined {
    return this.#first;
  }

  /** Adds an item after all others. If it is in this list already, it is moved; it must not be in another one. */
  add(item: Item): void {
    if (item === this.#last) return;
    this.delete(item);
    item.list = this;
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size++;
  }

  /** The items in their order. The one that was given last may be removed. */
  *[Symbol.iterator](): Generator<Item> {
    let next: Item | undefined;
    for (let item = this.#first; item !== undefined; item = next) {
      next = item.next as Item | undefined;
      yield item;
    }
  }

  /** Removes an item. Returns whether it was in this list. */
  delete(item: Item): boolean {
    if (item.list !== this) return false;
    const { previous, next } = item;
    if (previous === undefined) this.#first = next as Item | undefined;
    else previous.next = next;
    if (next === undefined) this.#last = previous as Item | undefined;
    else next.previous = previous;
    item.list = item.previous = item.next = undefined;
    this.#size--;
    return true;
  }
}
