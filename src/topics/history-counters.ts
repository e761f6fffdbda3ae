import type { GapReason } from "./chain.ts";

/** Counts of the messages of topics with history, of one server. */
export interface HistoryCounters {
  /** Messages that `publish` was given: `stored + repeated + failed + uncertain`, and those that it has not settled. */
  published: number;
  /** Messages that were stored. */
  stored: number;
  /** Messages whose `id` was stored before: they were not stored again. */
  repeated: number;
  /** Messages that were not stored: the promise of `publish` was rejected. */
  failed: number;
  /** Messages that may be stored, or not: the broker did not answer. The promise of `publish` was rejected. */
  uncertain: number;
  /** Messages that have come from the broker: one for each topic and process, not for each subscriber. */
  received: number;
  /** Those that had come before. */
  duplicates: number;
  /** Bytes of the broker that are not ours. */
  foreign: number;
  /** Pages that were read from the broker. */
  reads: number;
  /** Subscribers that were told that messages may be missing, by the reason. */
  readonly gaps: Record<GapReason, number>;
  /** Subscriptions for which nothing was missing. */
  recovered: number;
  /** Subscriptions for which something may have been missing. */
  unrecovered: number;
  /** How often a subscriber was too slow, and got the rest from the history. */
  catchUps: number;
  /** Messages of which it was forgotten who does not get them, because too many were on their way: their senders may get them. */
  exceptsForgotten: number;
  /** Messages that were removed before their time, because of `maxHistoryMemory`. */
  trimmed: number;
}

/** Counters at zero. */
export function newHistoryCounters(): HistoryCounters {
  return {
    published: 0,
    stored: 0,
    repeated: 0,
    failed: 0,
    uncertain: 0,
    received: 0,
    duplicates: 0,
    foreign: 0,
    reads: 0,
    gaps: { reset: 0, fork: 0, trimmed: 0 },
    recovered: 0,
    unrecovered: 0,
    catchUps: 0,
    exceptsForgotten: 0,
    trimmed: 0,
  };
}
