import { Waiters } from "../../util/waiters.ts";
import type { ProbeSettings } from "../settings.ts";

/** A timer that fires later than it should by this many milliseconds was held back: it gives no verdict. */
const LATE = 1_000;

/** What a probe needs of its connection. */
export interface ProbeOwner {
  /** Sends the request. */
  sendProbe(): void;
  /** Nothing has come in time. */
  onSilent(): void;
}

/**
 * Finds out in a browser whether the server is still there: it cannot ping, and does not see the server's pings. After a time of silence
 * the request is sent; then any message is an answer.
 */
export class Probe {
  readonly #settings: ProbeSettings;
  readonly #owner: ProbeOwner;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sentAt: number | undefined;
  readonly #waiters = new Waiters<number | undefined>();

  constructor(settings: ProbeSettings, owner: ProbeOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#wait();
  }

  /** Whether a text is the answer, which the handler does not get. */
  isAnswer(data: unknown): boolean {
    return data === this.#settings.response;
  }

  /** Something was received. */
  noteReceived(): void {
    if (this.#sentAt !== undefined) this.#waiters.resolve(performance.now() - this.#sentAt);
    this.#sentAt = undefined;
    this.#wait();
  }

  /** Sends the request now, unless one is unanswered. */
  send(): void {
    if (this.#sentAt !== undefined) return;
    this.#sentAt = performance.now();
    this.#owner.sendProbe();
    this.#expect();
  }

  /** Milliseconds until something is received after the request; undefined: the connection has ended before. */
  measure(): Promise<number | undefined> {
    const answered = this.#waiters.wait();
    this.send();
    return answered;
  }

  /** The connection has ended. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiters.resolve(undefined);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send(), this.#settings.every);
  }

  #expect(): void {
    clearTimeout(this.#timer);
    const { timeout } = this.#settings;
    const startedAt = performance.now();
    this.#timer = setTimeout(() => {
      if (performance.now() - startedAt > timeout + LATE) this.#expect();
      else this.#owner.onSilent();
    }, timeout);
  }
}
