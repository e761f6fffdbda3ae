import { Warnings } from "../../util/warnings.ts";
import type { BusyCallback } from "./serial-queue.ts";

/** Milliseconds for which calls may wait for one callback until the process is warned. */
const BUSY_MS = 30_000;

/** A connection's calls, as far as they are looked at. */
export interface WatchedCalls {
  /** The callback that is awaited while other calls wait for it. */
  readonly busyCallback: BusyCallback | undefined;
}

/** What was seen at an earlier look. */
interface Seen {
  /** The number of the promise. */
  readonly number: number;
  /** The tick of the first look; Infinity: the process was warned. */
  since: number;
}

/**
 * Warns of callbacks that do not settle while messages, or `onTerminate`, wait for them: of each once, and at most once a minute for a
 * server, or for all clients. The timer of the connections asks it. A handler whose promises settle in time pays nothing for it.
 */
export class BusyCallbacks {
  readonly #ticks: number;
  readonly #advice: string;
  readonly #warnings: Warnings;
  readonly #seen = new WeakMap<WatchedCalls, Seen>();

  /**
   * @param tickMs milliseconds of a tick
   * @param advice what the warning tells the application to do
   */
  constructor(tickMs: number, advice: string, warnings = new Warnings()) {
    this.#ticks = Math.ceil(BUSY_MS / tickMs);
    this.#advice = advice;
    this.#warnings = warnings;
  }

  /**
   * Looks at one connection.
   *
   * @param id the id of the connection; undefined: it is a client's
   * @param tick the tick of now
   */
  check(calls: WatchedCalls, id: number | undefined, tick: number): void {
    const busy = calls.busyCallback;
    if (busy === undefined) return;
    const seen = this.#seen.get(calls);
    if (seen?.number !== busy.number) this.#seen.set(calls, { number: busy.number, since: tick });
    else if (tick - seen.since >= this.#ticks) {
      seen.since = Infinity;
      this.#warn(busy, id);
    }
  }

  #warn({ name, waiting }: BusyCallback, id: number | undefined): void {
    const calls = waiting === 1 ? "1 call waits" : `${String(waiting)} calls wait`;
    this.#warnings.warn("busy", {
      code: "HWS_CALLBACK_BUSY",
      text: () =>
        `${name} of ${id === undefined ? "a client" : `connection ${String(id)}`} has not settled for ${String(BUSY_MS / 1000)} s, and ${calls} for it. ${this.#advice}`,
    });
  }
}
