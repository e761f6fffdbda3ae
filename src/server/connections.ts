import type { Identified, ConnectionRegistry } from "./connection-registry.ts";

/**
 * The connections that a server now handles: a live collection, in the order they came. Adding, removing and `get` take
 * constant time. Loops and `map`, `filter`, `find`, `some`, `every`, `forEach` see those that were there when they
 * began, whatever comes and goes meanwhile.
 *
 * @example
 * for (const client of wss.connections) client.send("hello");
 * const inRoom = wss.connections.filter((client) => client.handler.room === room);
 */
export class Connections<C extends Identified> implements Iterable<C> {
  /** The connection at a place, undefined behind the last. */
  readonly [index: number]: C | undefined;

  readonly #roster: ConnectionRegistry<C>;

  static {
    // Asked only for what is found nowhere before it, so that `connections[3]` works and nothing else pays for it.
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

  /** Made by the server, which keeps the roster. */
  constructor(roster: ConnectionRegistry<C>) {
    this.#roster = roster;
  }

  /** How many there are. */
  get length(): number {
    return this.#roster.size;
  }

  /** The connection with this `id`, in constant time. */
  get(id: number): C | undefined {
    return this.#roster.get(id);
  }

  /** The connection at a place; a negative one counts from the end. */
  at(index: number): C | undefined {
    return this.#roster.list.at(index);
  }

  /** What `callback` returns for each connection. */
  map<R>(callback: (connection: C, index: number) => R): R[] {
    return this.#roster.list.map((connection, index) => callback(connection, index));
  }

  /** The connections for which `test` is true. */
  filter(test: (connection: C, index: number) => unknown): C[] {
    return this.#roster.list.filter((connection, index) => test(connection, index));
  }

  /** The first connection for which `test` is true. */
  find(test: (connection: C, index: number) => unknown): C | undefined {
    return this.#roster.list.find((connection, index) => test(connection, index));
  }

  /** Whether `test` is true for one connection at least. */
  some(test: (connection: C, index: number) => unknown): boolean {
    return this.#roster.list.some((connection, index) => test(connection, index));
  }

  /** Whether `test` is true for all connections. */
  every(test: (connection: C, index: number) => unknown): boolean {
    return this.#roster.list.every((connection, index) => test(connection, index));
  }

  /** Calls `callback` for each connection. */
  forEach(callback: (connection: C, index: number) => void): void {
    this.#roster.list.forEach((connection, index) => {
      callback(connection, index);
    });
  }

  /** Goes through the connections. */
  [Symbol.iterator](): IterableIterator<C> {
    return this.#roster.list[Symbol.iterator]();
  }

  /** How `console.log` shows it. */
  [Symbol.for("nodejs.util.inspect.custom")](): readonly C[] {
    return this.#roster.list;
  }
}

function isIndex(name: string | symbol): name is string {
  return typeof name === "string" && /^(?:0|[1-9]\d*)$/.test(name);
}
