import type { Except } from "./history-context.ts";
import type { HistoryCounters } from "./history-counters.ts";

/** The most messages that are remembered, about 3 MB. */
const MAX_EXCEPTS = 10_000;

/** Milliseconds for which a message may come back. One that the broker has trimmed, or lost, never comes. */
const KEPT_MS = 60_000;

/** Who does not get a message. */
interface Entry<Receiver> {
  readonly except: NonNullable<Except<Receiver>>;
  /** When it is forgotten, on the clock of `performance.now()`. */
  readonly until: number;
}

/** Who does not get the messages that were published here and have not come back yet. */
export class Excepts<Receiver> {
  readonly #counters: Pick<HistoryCounters, "exceptsForgotten">;
  readonly #max: number;
  /** By the id of the message: those that are being published in the order of the calls, the others by when they are forgotten. */
  readonly #entries = new Map<string, Entry<Receiver>>();

  constructor(counters: Pick<HistoryCounters, "exceptsForgotten">, max = MAX_EXCEPTS) {
    this.#counters = counters;
    this.#max = max;
  }

  /** How many messages are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** A message is about to be published. */
  add(id: string, except: NonNullable<Except<Receiver>>): void {
    this.expire();
    this.#entries.set(id, { except, until: Infinity });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size <= this.#max || oldest === undefined) return;
    this.#entries.delete(oldest);
    this.#counters.exceptsForgotten++;
  }

  /** A message is stored, or may be: it is remembered for 60 s more. */
  keep(id: string): void {
    const except = this.take(id);
    if (except !== undefined) this.#entries.set(id, { except, until: performance.now() + KEPT_MS });
  }

  /** A message has come back, or never will. Returns who does not get it; undefined: nobody. */
  take(id: string): Except<Receiver> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.delete(id);
    return entry?.except;
  }

  /** Forgets those whose time is over. */
  expire(): void {
    const now = performance.now();
    for (const [id, { until }] of this.#entries) {
      // One that is still being published may come first: the others wait for it.
      if (until > now) return;
      this.#entries.delete(id);
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
  }
}
