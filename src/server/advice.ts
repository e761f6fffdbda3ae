import { HandlerKinds } from "../connection/dispatch/handler-kinds.ts";
import { misspeltCallbacks } from "../connection/dispatch/misspelt-callbacks.ts";
import { Warnings } from "../util/warnings.ts";
import { CONNECTION_CALLBACKS, SERVER_CALLBACKS } from "./callback-names.ts";

/** The codes of warnings about a mistake in the application. */
export type AdviceCode = "HWS_NO_ANSWER" | "HWS_NO_SUBPROTOCOL" | "HWS_CALLBACK_NAME" | "HWS_TERMINATE_SECONDS";

/** Warns of mistakes in the application: of each once for a server, because a mistake is made for each client. */
export class Advice {
  readonly #warnings = new Warnings(Infinity);
  readonly #kinds = new HandlerKinds();

  /** Warns of the misspelt callbacks of a server's handler. */
  checkServerHandler(handler: object): void {
    for (const text of misspeltCallbacks(handler, SERVER_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  /**
   * Warns of the misspelt callbacks of a connection's handler. Only the first handler of each class is looked at, and of plain
   * objects, which have no class of their own, the first with the same names.
   */
  checkConnectionHandler(handler: object): void {
    if (!this.#kinds.isNew(handler)) return;
    for (const text of misspeltCallbacks(handler, CONNECTION_CALLBACKS)) this.once("HWS_CALLBACK_NAME", text);
  }

  /** Warns, unless it has warned with this text. The texts must not come from clients. */
  once(code: AdviceCode, text: string): void {
    this.#warnings.warn(text, { code, text: () => text });
  }
}
