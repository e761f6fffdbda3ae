/** Milliseconds between two warnings of the same thing. */
const MINUTE = 60_000;

/** The greatest number of things in this time. Of more of them, only a warning that is repeated tells: they have one place together. */
const MAX_KEYS = 20;

/** The place of those that have none of their own. */
const OTHERS = "";

/** A thing that was warned of. */
interface Warned {
  /** When. */
  readonly at: number;
  /** How often it has come again since. */
  repeated: number;
}

/** What a warning has. The texts are made only if it is given. */
export interface Warning {
  /** Its code. */
  readonly code: string;
  /** Its text. */
  readonly text: () => string;
  /** More, e.g. a stack. */
  readonly detail?: () => string;
}

/**
 * Warns the process, of each thing at most once a minute, then with the number of its repetitions, and of a bounded number of
 * things: nobody can fill the log, or memory. All warnings of the library go through it: a test looks for it.
 */
export class Warnings {
  readonly #interval: number;
  readonly #now: () => number;
  readonly #warned = new Map<string, Warned>();

  /**
   * Makes one with no warnings yet.
   *
   * @param interval milliseconds until the same thing is a warning again. Infinity: it is one once
   * @param now the time in milliseconds
   */
  constructor(interval = MINUTE, now: () => number = () => performance.now()) {
    this.#interval = interval;
    this.#now = now;
  }

  /**
   * Warns, or counts the repetition.
   *
   * @param thing what the warning is about
   */
  warn(thing: string, { code, text, detail }: Warning): void {
    const now = this.#now();
    const key = this.#keyOf(thing, now);
    if (key === undefined) return;
    const last = this.#warned.get(key);
    if (last !== undefined && now - last.at < this.#interval) {
      last.repeated++;
      return;
    }
    this.#warned.set(key, { at: now, repeated: 0 });
    const more =
      last === undefined || last.repeated === 0 ? "" : ` (and ${String(last.repeated)} more since the last warning)`;
    process.emitWarning(text() + more, {
      type: "HawserWarning",
      code,
      ...(detail === undefined ? {} : { detail: detail() }),
    });
  }

  /** Undefined: there is no place. */
  #keyOf(thing: string, now: number): string | undefined {
    if (this.#warned.has(thing) || this.#warned.size < MAX_KEYS) return thing;
    if (this.#interval === Infinity) return undefined;
    for (const [old, { at }] of this.#warned)
      if (now - at >= this.#interval && old !== OTHERS) this.#warned.delete(old);
    return this.#warned.size < MAX_KEYS ? thing : OTHERS;
  }
}
