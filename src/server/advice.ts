import { Warnings } from "../util/warnings.ts";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS, misspeltCallbacks } from "./callback-names.ts";

/** The codes of warnings about a mistake in the application. */
export type AdviceCode = "HWS_NO_ANSWER" | "HWS_NO_SUBPROTOCOL" | "HWS_CALLBACK_NAME";

/** Warns of mistakes in the application: of each once for a server, because a mistake is made for each client. */
export class Advice {
  readonly #warnings = new Warnings(Infinity);
  /** The class of the connection handler that was checked last: most servers have one. */
  #lastClass: object | null | undefined;
  readonly #classes = new WeakSet();

  /** Warns of the misspelt callbacks of a server's handler. */
  checkServerHandler(handler: object): void {
    for (const text of misspeltCallbacks(handler, SERVER_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  /** Warns of the misspelt callbacks of a connection's handler. Only the first handler of each class is looked at. */
  checkConnectionHandler(handler: object): void {
    const its = Reflect.getPrototypeOf(handler);
    if (its === this.#lastClass) return;
    this.#lastClass = its;
    if (its !== null && this.#classes.has(its)) return;
    if (its !== null) this.#classes.add(its);
    for (const text of misspeltCallbacks(handler, CONNECTION_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  /** Warns, unless it has warned with this text. The texts must not come from clients. */
  once(code: AdviceCode, text: string): void {
    this.#warnings.warn(text, { code, text: () => text });
  }
}
