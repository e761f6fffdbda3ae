/** Milliseconds between two warnings of the same thing. */
const MINUTE = 60_000;

/** The greatest number of things in this time. */
const MAX_KEYS = 20;

/** A thing that was warned of. */
interface Warned {
  /** When. */
  at: number;
  /** How often it has come again since. */
  repeated: number;
  /** What the warning says. */
  text: string;
  /** Its code. */
  readonly code: string;
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
 * things: nobody can fill the log, or memory. The things above that number share one warning a minute, which tells how many they
 * were. All warnings of the library go through it: a test looks for it.
 */
export class Warnings {
  readonly #interval: number;
  readonly #now: () => number;
  readonly #warned = new Map<string, Warned>();
  /** When one of the things was warned of that have no place of their own. */
  #othersAt: number;
  /** How often one of them was not warned of since. */
  #others = 0;

  /**
   * Makes one with no warnings yet.
   *
   * @param interval milliseconds until the same thing is a warning again. Infinity: it is one once
   * @param now the time in milliseconds
   */
  constructor(interval = MINUTE, now: () => number = () => performance.now()) {
    this.#interval = interval;
    this.#now = now;
    this.#othersAt = interval === Infinity ? Infinity : -Infinity;
  }

  /**
   * Warns, or counts the repetition.
   *
   * @param thing what the warning is about
   */
  warn(thing: string, warning: Warning): void {
    const now = this.#now();
    const last = this.#warned.get(thing);
    if (last !== undefined) {
      if (now - last.at < this.#interval) last.repeated++;
      else {
        last.text = warning.text();
        repeat(last, now, last.repeated, warning.detail);
      }
      return;
    }
    if (this.#warned.size >= MAX_KEYS) this.#removeOld(now);
    if (this.#warned.size < MAX_KEYS) this.#add(thing, now, warning);
    else if (now - this.#othersAt < this.#interval) this.#others++;
    else {
      this.#othersAt = now;
      emit(warning.text() + this.#leftOut(), warning.code, warning.detail);
    }
  }

  #add(thing: string, now: number, { code, text, detail }: Warning): void {
    const shown = text();
    this.#warned.set(thing, { at: now, repeated: 0, text: shown, code });
    emit(shown + this.#leftOut(), code, detail);
  }

  /** Tells how many warnings were left out, once. */
  #leftOut(): string {
    const more = this.#others;
    if (more === 0 || this.#interval === Infinity) return "";
    this.#others = 0;
    return ` (and ${String(more)} other warnings were left out before)`;
  }

  /** Removes the things that have not come again. One that has come again is a warning now, and keeps its place. */
  #removeOld(now: number): void {
    for (const [thing, warned] of this.#warned) {
      if (now - warned.at < this.#interval) continue;
      if (warned.repeated > 0) repeat(warned, now, warned.repeated);
      else this.#warned.delete(thing);
    }
  }
}

/** Warns again of a thing that has come `more` times since, and perhaps once more just now. */
function repeat(warned: Warned, now: number, more: number, detail?: () => string): void {
  warned.at = now;
  warned.repeated = 0;
  emit(warned.text + (more === 0 ? "" : ` (and ${String(more)} more since the last warning)`), warned.code, detail);
}

function emit(text: string, code: string, detail?: () => string): void {
  process.emitWarning(text, { type: "HawserWarning", code, ...(detail === undefined ? {} : { detail: detail() }) });
}
