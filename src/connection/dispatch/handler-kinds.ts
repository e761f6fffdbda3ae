/** The number of kinds of plain objects that are looked at. An application has a few. */
const MAX_KINDS = 20;
/** The number of names that are compared. A handler that is also a table may have very many. */
const MAX_NAMES = 32;

/** Tells which handlers have callbacks that were not looked at yet: there may be a handler for each connection, and few kinds of them. */
export class HandlerKinds {
  /** The class of the handler that was looked at last: most applications have one. */
  #lastClass: object | undefined;
  readonly #classes = new WeakSet();
  /** The names in each kind of plain object that was checked. */
  readonly #plainKinds: (readonly string[])[] = [];

  /** Whether it is the first handler of its class or, for plain objects, which have no class of their own, with its names. */
  isNew(handler: object): boolean {
    try {
      return this.#isNewKind(handler);
    } catch {
      // A proxy may throw.
      return false;
    }
  }

  #isNewKind(handler: object): boolean {
    const its = Reflect.getPrototypeOf(handler);
    // The prototype of plain objects has none (that of another realm neither).
    if (its === null || Reflect.getPrototypeOf(its) === null) return this.#isNewPlain(handler);
    if (its === this.#lastClass) return false;
    this.#lastClass = its;
    if (this.#classes.has(its)) return false;
    this.#classes.add(its);
    return true;
  }

  #isNewPlain(handler: object): boolean {
    if (this.#plainKinds.length >= MAX_KINDS) return false;
    for (const names of this.#plainKinds) if (hasNames(handler, names)) return false;
    const names: string[] = [];
    for (const name in handler) {
      if (names.length === MAX_NAMES) break;
      names.push(name);
    }
    this.#plainKinds.push(names);
    return true;
  }
}

/** Whether an object has these names, in this order. It makes nothing: it is asked for each handshake. */
function hasNames(handler: object, names: readonly string[]): boolean {
  let count = 0;
  for (const name in handler) {
    if (count === MAX_NAMES) break;
    if (names[count++] !== name) return false;
  }
  return count === names.length;
}
