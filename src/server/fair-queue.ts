/** Something that an address holds. */
export interface Addressed {
  /** Who holds it; "": unknown. */
  readonly address: string;
}

/** Things in the order in which they came, each of an address. Everything takes constant time, except `oldest`. */
export class FairQueue<T extends Addressed> implements Iterable<T> {
  readonly #all = new Set<T>();
  readonly #byAddress = new Map<string, Set<T>>();

  /** The number of things. */
  get size(): number {
    return this.#all.size;
  }

  /** The oldest one of an address that has more than its share; if none has, the oldest of all. Its time grows with the number of addresses. */
  oldest(share: number): T | undefined {
    for (const own of this.#byAddress.values()) if (own.size > share) return first(own);
    return first(this.#all);
  }

  /** Adds one as the newest. */
  add(one: T): void {
    this.#all.add(one);
    const own = this.#byAddress.get(one.address);
    if (own === undefined) this.#byAddress.set(one.address, new Set([one]));
    else own.add(one);
  }

  /** Removes one. */
  remove(one: T): void {
    if (!this.#all.delete(one)) return;
    const own = this.#byAddress.get(one.address);
    own?.delete(one);
    if (own?.size === 0) this.#byAddress.delete(one.address);
  }

  /** Iterates over all, the oldest first. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#all.values();
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
