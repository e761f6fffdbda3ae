/** What every member of a roster has. */
export interface Identified {
  /** Unique in its roster. */
  readonly id: number;
}

/** Who is connected: the server's own side of `wss.connections`. All but `list` after a change takes constant time. */
export class ConnectionRegistry<C extends Identified> {
  readonly #byId = new Map<number, C>();
  #list: readonly C[] | undefined;

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** All of them in the order they came: an array that never changes, made once after each coming and going. */
  get list(): readonly C[] {
    this.#list ??= [...this.#byId.values()];
    return this.#list;
  }

  /** All of them, one by one: safe while some come and go. */
  values(): Iterator<C> {
    return this.#byId.values();
  }

  /** The one with this `id`. */
  get(id: number): C | undefined {
    return this.#byId.get(id);
  }

  /** Lets one in. */
  add(one: C): void {
    this.#byId.set(one.id, one);
    this.#list = undefined;
  }

  /** Lets one go. */
  remove(one: C): void {
    if (this.#byId.delete(one.id)) this.#list = undefined;
  }
}
