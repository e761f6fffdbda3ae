import { ownText } from "../util/own-text.ts";

/** A topic stays for this many milliseconds after its last subscriber: those who were disconnected come back. */
const LINGER_MS = 30_000;

/** Topics without subscribers, which are forgotten some time later. */
export class Lingering {
  /** When each of them is forgotten, the earliest first. */
  readonly #until = new Map<string, number>();
  readonly #onGone: (topics: readonly string[]) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onGone is told of those whose time is over */
  constructor(onGone: (topics: readonly string[]) => void) {
    this.#onGone = onGone;
  }

  /** A topic has lost its last subscriber. A second call changes nothing. */
  add(topic: string): void {
    if (this.#until.has(topic)) return;
    // The name may have been cut from a long message.
    this.#until.set(ownText(topic), performance.now() + LINGER_MS);
    this.#timer ??= setTimeout(this.#check, LINGER_MS).unref();
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
