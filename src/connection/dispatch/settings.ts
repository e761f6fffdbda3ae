import type { Decoder } from "../receiving/decode.ts";

/** The settings of all dispatchers of a server. */
export interface DispatchSettings {
  /** How a message is parsed just before it is delivered. */
  readonly decode: Pick<Decoder, "parse">;
  /** Milliseconds that `onTerminate` waits for tasks. */
  readonly closeTimeout: number;
  /** Counts the tasks. */
  readonly taskCounters: TaskCounters;
}

/** Counts of the tasks of `ws.waitUntil`. */
export interface TaskCounters {
  /** Tasks that had not settled when `onTerminate` was called. */
  unfinished: number;
}
