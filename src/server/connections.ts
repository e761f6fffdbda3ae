import type { Identified } from "../util/registry.ts";

/** Where a collection finds its connections: those of a server, or of a topic. */
export interface ConnectionSource<C extends Identified> {
  /** How many there are. */
  readonly size: number;
  /** All of them. The array never changes. */
  readonly list: readonly C[];
  /** The connection with this `id`. */
  get(id: number): C | undefined;
}

/**
 * The connections of a server that are open or closing, or those that have subscribed to a topic: a live collection, in the order in which
 * they opened or subscribed. Adding, removing and `get` take
 * constant time. Loops and `map`, `filter`, `find`, `some`, `every`, `forEach` see the connections that were open when they
 * began, even if some open or close meanwhile.
 *
 * @example
 * for (const client of wss.connections) client.send("hello");
 * const inRoom = wss.connections.filter((client) => client.handler.room === room);
 */
export class Connections<C extends Identified> implements Iterable<C> {
  /**
   * The connection at this index; undefined after the last. So TypeScript puts undefined into the type of `Array.from(wss.connections)`, but
   * not into that of `[...wss.connections]` or `map`.
   */
  readonly [index: number]: C | undefined;

  readonly #source: ConnectionSource<C>;

  static {
    // The proxy is the last prototype, so only properties that are found nowhere else reach it. `connections[3]` works, and
    // other properties cost nothing.
    const elements = new Proxy(
      {},
      {
        get: (target, name, receiver): unknown =>
          isIndex(name) ? (receiver as Connections<Identified>).at(Number(name)) : Reflect.get(target, name, receiver),
        set: (target, name, value, receiver) => !isIndex(name) && Reflect.set(target, name, value, receiver),
      },
    );
    Object.setPrototypeOf(this.prototype, elements);
  }

  /** Made by the server. */
  constructor(source: ConnectionSource<C>) {
    this.#source = source;
  }

  /** The number of connections. */
  get length(): number {
    return this.#source.size;
  }

  /** The connection with this `id`, in constant time. */
  get(id: number): C | undefined {
    return this.#source.get(id);
  }

  /** The connection at an index. A negative index counts from the end. */
  at(index: number): C | undefined {
    return this.#source.list.at(index);
  }

  /** What `callback` returns for each connection. */
  map<R>(callback: (connection: C, index: number) => R): R[] {
    return this.#source.list.map((connection, index) => callback(connection, index));
  }

  /** The connections for which `test` is true. */
  filter(test: (connection: C, index: number) => unknown): C[] {
    return this.#source.list.filter((connection, index) => test(connection, index));
  }

  /** The first connection for which `test` is true. */
  find(test: (connection: C, index: number) => unknown): C | undefined {
    return this.#source.list.find((connection, index) => test(connection, index));
  }

  /** Whether `test` is true for at least one connection. */
  some(test: (connection: C, index: number) => unknown): boolean {
    return this.#source.list.some((connection, index) => test(connection, index));
  }

  /** Whether `test` is true for all connections. */
  every(test: (connection: C, index: number) => unknown): boolean {
    return this.#source.list.every((connection, index) => test(connection, index));
  }

  /** Calls `callback` for each connection. */
  forEach(callback: (connection: C, index: number) => void): void {
    this.#source.list.forEach((connection, index) => {
      callback(connection, index);
    });
  }

  /** Iterates over the connections. */
  [Symbol.iterator](): IterableIterator<C> {
    return this.#source.list[Symbol.iterator]();
  }

  /** What `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): readonly C[] {
    return this.#source.list;
  }
}

function isIndex(name: string | symbol): name is string {
  return typeof name === "string" && /^(?:0|[1-9]\d*)$/.test(name);
}
