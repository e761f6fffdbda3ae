import { Broken } from "../engine/target.ts";

/** What must not come while an input runs: errors that nobody caught, and warnings, e.g. of too many listeners. */
const EVENTS = ["uncaughtException", "unhandledRejection", "warning"] as const;

/** Catches what escapes from the library to the process. */
export class Strays {
  readonly #caught: (readonly [event: string, what: unknown])[] = [];
  readonly #listeners = EVENTS.map((event) => {
    const listener = (what: unknown): void => {
      if (!isMeant(what)) this.#caught.push([event, what]);
    };
    return [event, listener] as const;
  });

  /** Begins to listen. */
  listen(): void {
    for (const [event, listener] of this.#listeners) process.on(event, listener);
  }

  /** Listens no more. */
  leave(): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener);
  }

  /** Throws when something has come. */
  check(): void {
    const [first] = this.#caught;
    if (first === undefined) return;
    const [event, cause] = first;
    const what = cause instanceof Error ? cause : new Error(String(cause));
    throw new Broken(`the process gets an ${event}: ${what.message.replaceAll(/\d+/g, "…")}`, what.stack, { cause });
  }
}

/** What a handler throws when nobody is there any more to hear it is the process's to know. */
function isMeant(what: unknown): boolean {
  return what instanceof Error && (what as NodeJS.ErrnoException).code === "HWS_UNHEARD";
}
