/** An object with an id. */
export interface Identified {
  /** The id. It is unique in its registry. */
  readonly id: number;
}

/** The open connections, as the server keeps them for `wss.connections`. Everything takes constant time, except the first `list` after a change. */
export class ConnectionRegistry<C extends Identified> {
  readonly #byId = new Map<number, C>();
  #list: readonly C[] | undefined;

  /** The number of connections. */
  get size(): number {
    return this.#byId.size;
  }

  /** All connections in the order in which they opened. The array never changes; a new one is made after a change. */
  get list(): readonly C[] {
    this.#list ??= [...this.#byId.values()];
    return this.#list;
  }

  /** An iterator over all connections. Connections may be added and removed during the iteration. */
  values(): Iterator<C> {
    return this.#byId.values();
  }

  /** The connection with this `id`. */
  get(id: number): C | undefined {
    return this.#byId.get(id);
  }

  /** Adds a connection. */
  add(one: C): void {
    this.#byId.set(one.id, one);
    this.#list = undefined;
  }

  /** Removes a connection. */
  remove(one: C): void {
    if (this.#byId.delete(one.id)) this.#list = undefined;
  }
}
