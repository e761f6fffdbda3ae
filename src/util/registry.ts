/** An object with an id. */
export interface Identified {
  /** The id. It is unique in its registry. */
  readonly id: number;
}

const NOTHING: readonly never[] = Object.freeze([]);

/** Objects by their id, in the order in which they were added. Everything takes constant time, except the first `list` after a change. */
export class Registry<Item extends Identified> {
  /** Undefined: nothing was added yet. An empty map takes 200 bytes, and there are many registries. */
  #byId: Map<number, Item> | undefined;
  #list: readonly Item[] | undefined;

  /** The number of objects. */
  get size(): number {
    return this.#byId?.size ?? 0;
  }

  /** All objects in their order. The array never changes; a new one is made after a change. */
  get list(): readonly Item[] {
    this.#list ??= this.#byId === undefined ? NOTHING : [...this.#byId.values()];
    return this.#list;
  }

  /** An iterator over all objects. Some may be added and removed during the iteration. */
  values(): Iterator<Item> {
    return (this.#byId ??= new Map()).values();
  }

  /** The object with this `id`. */
  get(id: number): Item | undefined {
    return this.#byId?.get(id);
  }

  /** Adds an object. */
  add(one: Item): void {
    (this.#byId ??= new Map()).set(one.id, one);
    this.#list = undefined;
  }

  /** Removes an object. Returns whether it was there. */
  remove(one: Item): boolean {
    const wasThere = this.#byId?.delete(one.id) === true;
    if (wasThere) this.#list = undefined;
    return wasThere;
  }
}
