/** A map that takes nearly no memory while it is empty: for those of which there are many, and which are empty most of the time. */
export class LazyMap<Key, Value> {
  #entries: Map<Key, Value> | undefined;

  /** The number of entries. */
  get size(): number {
    return this.#entries?.size ?? 0;
  }

  /** The value of a key. */
  get(key: Key): Value | undefined {
    return this.#entries?.get(key);
  }

  /** Adds an entry, or changes it. */
  set(key: Key, value: Value): void {
    (this.#entries ??= new Map()).set(key, value);
  }

  /** Removes an entry. Returns whether it was there. */
  delete(key: Key): boolean {
    const wasThere = this.#entries?.delete(key) === true;
    if (this.#entries?.size === 0) this.#entries = undefined;
    return wasThere;
  }

  /** All entries, in the order in which they were added. An iterator may miss what is added after the last one was removed. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return (this.#entries ?? new Map<Key, Value>()).entries();
  }
}
