import { Warnings } from "../util/warnings.ts";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS, misspeltCallbacks } from "./callback-names.ts";

/** The codes of warnings about a mistake in the application. */
export type AdviceCode = "HWS_NO_ANSWER" | "HWS_NO_SUBPROTOCOL" | "HWS_CALLBACK_NAME" | "HWS_TERMINATE_SECONDS";

/** The number of kinds of plain objects that are looked at. An application has a few. */
const MAX_KINDS = 20;
/** The number of names that are compared. A handler that is also a table may have very many. */
const MAX_NAMES = 32;

/** Warns of mistakes in the application: of each once for a server, because a mistake is made for each client. */
export class Advice {
  readonly #warnings = new Warnings(Infinity);
  /** The class of the connection handler that was checked last: most servers have one. */
  #lastClass: object | undefined;
  readonly #classes = new WeakSet();
  /** The names in each kind of plain object that was checked. */
  readonly #plainKinds: (readonly string[])[] = [];

  /** Warns of the misspelt callbacks of a server's handler. */
  checkServerHandler(handler: object): void {
    for (const text of misspeltCallbacks(handler, SERVER_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  /**
   * Warns of the misspelt callbacks of a connection's handler. Only the first handler of each class is looked at, and of plain
   * objects, which have no class of their own, the first with the same names.
   */
  checkConnectionHandler(handler: object): void {
    try {
      if (!this.#isNew(handler)) return;
    } catch {
      // A proxy may throw.
      return;
    }
    for (const text of misspeltCallbacks(handler, CONNECTION_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  #isNew(handler: object): boolean {
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

  /** Warns, unless it has warned with this text. The texts must not come from clients. */
  once(code: AdviceCode, text: string): void {
    this.#warnings.warn(text, { code, text: () => text });
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
