/** The codes of warnings about a mistake in the application. */
export type AdviceCode = "HWS_NO_ANSWER" | "HWS_NO_SUBPROTOCOL" | "HWS_CALLBACK_NAME";

/** Warns of mistakes in the application: of each once for a server, because a mistake is made for each client. */
export class Advice {
  readonly #given = new Set<string>();

  /** Warns, unless it has warned with this text. The texts must not come from clients. */
  once(code: AdviceCode, text: string): void {
    if (this.#given.has(text)) return;
    this.#given.add(text);
    process.emitWarning(text, { type: "HawserWarning", code });
  }
}
