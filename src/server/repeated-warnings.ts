/** Milliseconds between two warnings of the same text. */
const INTERVAL = 60_000;

/** The greatest number of texts in this time. More of them have the last place together. */
const MAX_TEXTS = 20;

/** What a warning is, other than its text. */
export interface WarningKind {
  /** The code of the warning. */
  readonly code: string;
  /** Warnings with the same key count as repetitions of the first. Default: the text. */
  readonly key?: string;
}

const UNHEARD: WarningKind = { code: "HWS_UNHEARD" };

/** A text that was warned of. */
interface Warned {
  /** When. */
  readonly at: number;
  /** How often it has come again since. */
  repeated: number;
}

/** Warns of what comes again and again: of the same text at most once a minute, then with the number of its repetitions. */
export class RepeatedWarnings {
  readonly #now: () => number;
  readonly #warned = new Map<string, Warned>();

  /** @param now the time in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Warns, or counts the repetition. `kind` is by default that of an error that nobody handles. */
  warn(text: string, stack: () => string, kind = UNHEARD): void {
    const now = this.#now();
    const key = this.#keyOf(kind.key ?? text, now);
    const last = this.#warned.get(key);
    if (last !== undefined && now - last.at < INTERVAL) {
      last.repeated++;
      return;
    }
    this.#warned.set(key, { at: now, repeated: 0 });
    const more =
      last === undefined || last.repeated === 0 ? "" : ` (and ${String(last.repeated)} more since the last warning)`;
    process.emitWarning(text + more, { type: "HawserWarning", code: kind.code, detail: stack() });
  }

  #keyOf(text: string, now: number): string {
    if (this.#warned.has(text) || this.#warned.size < MAX_TEXTS) return text;
    for (const [old, { at }] of this.#warned) if (now - at >= INTERVAL && old !== "") this.#warned.delete(old);
    return this.#warned.size < MAX_TEXTS ? text : "";
  }
}
