import { ownText } from "../util/own-text.ts";

/** A topic stays for this many milliseconds after its last subscriber: those who were disconnected come back. */
const LINGER_MS = 30_000;

/** The most topics that stay: clients may ask for ever new ones. Who comes back to one of the others finds it as new. */
const MAX_LINGERING = 10_000;

/** Topics without subscribers, which are forgotten some time later. */
export class Lingering {
  /** When each of them is forgotten, the earliest first. */
  readonly #until = new Map<string, number>();
  readonly #onGone: (topics: readonly string[]) => void;
  readonly #max: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param onGone is told of those whose time is over
   * @param max how many there may be: for one more the earliest is forgotten
   */
  constructor(onGone: (topics: readonly string[]) => void, max = MAX_LINGERING) {
    this.#onGone = onGone;
    this.#max = max;
  }

  /** A topic has lost its last subscriber. A second call changes nothing. */
  add(topic: string): void {
    if (this.#until.has(topic)) return;
    // The name may have been cut from a long message.
    this.#until.set(ownText(topic), performance.now() + LINGER_MS);
    this.#timer ??= setTimeout(this.#check, LINGER_MS).unref();
    if (this.#until.size <= this.#max) return;
    for (const earliest of this.#until.keys()) {
      this.#until.delete(earliest);
      return this.#onGone([earliest]);
    }
  }

  /** A topic has a subscriber again. Returns whether it was lingering. */
  remove(topic: string): boolean {
    return this.#until.delete(topic);
  }

  /** Forgets all of them without a word. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#until.clear();
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    const gone: string[] = [];
    for (const [topic, until] of this.#until) {
      if (until > now) {
        this.#timer = setTimeout(this.#check, until - now + 1).unref();
        break;
      }
      this.#until.delete(topic);
      gone.push(topic);
    }
    if (gone.length > 0) this.#onGone(gone);
  };
}
