import { InvariantError } from "../engine/target.ts";

/** Events of the process that must not happen while an input runs: errors that were not caught, and warnings. */
const EVENTS = ["uncaughtException", "unhandledRejection", "warning"] as const;

/** Records errors that the library did not catch, and process warnings. */
export class UncaughtErrors {
  readonly #caught: (readonly [event: string, what: unknown])[] = [];
  readonly #listeners = EVENTS.map((event) => {
    const listener = (what: unknown): void => {
      if (!isExpected(what)) this.#caught.push([event, what]);
    };
    return [event, listener] as const;
  });

  /** Starts to listen. */
  listen(): void {
    for (const [event, listener] of this.#listeners) process.on(event, listener);
  }

  /** Stops to listen. */
  stop(): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener);
  }

  /** Throws if something was recorded. */
  check(): void {
    const [first] = this.#caught;
    if (first === undefined) return;
    const [event, cause] = first;
    const what = cause instanceof Error ? cause : new Error(String(cause));
    throw new InvariantError(`the process gets an ${event}: ${what.message.replaceAll(/\d+/g, "…")}`, what.stack, {
      cause,
    });
  }
}

/** Warnings that the random handlers and requests may cause, such as an error that no `onError` can receive. */
const EXPECTED: ReadonlySet<string | undefined> = new Set([
  "HWS_UNHEARD",
  "HWS_ORIGIN_REFUSED",
  "HWS_NO_ANSWER",
  "HWS_NO_SUBPROTOCOL",
  "HWS_CALLBACK_BUSY",
]);

function isExpected(what: unknown): boolean {
  return what instanceof Error && EXPECTED.has((what as NodeJS.ErrnoException).code);
}
