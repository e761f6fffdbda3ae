import { median, ratio } from "../measure/statistics.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { EngineSample } from "./measure.ts";
import type { EngineEntry } from "./rounds.ts";
import type { EngineWork } from "./work.ts";

/** One engine with one workload: the median of its rounds, and the ratio of our cost to its own. */
export interface EngineRow {
  readonly peer: string;
  readonly title: string;
  /** CPU time per message, in microseconds. */
  readonly micros: number | null;
  /** The CPU time per message of the first row divided by that of this row; null in the first row. */
  readonly cost: Ratio | null;
  readonly failed?: string;
  readonly samples: readonly EngineSample[];
}

/** All engines with one workload. */
export interface EngineResult {
  readonly work: EngineWork;
  readonly rows: readonly EngineRow[];
}

/** Computes medians, and ratios to the first entry. */
export function summarizeEngine(work: EngineWork, entries: readonly EngineEntry[]): EngineResult {
  const ours = microsOf(entries[0]!);
  return {
    work,
    rows: entries.map((entry, i): EngineRow => {
      const micros = microsOf(entry);
      return {
        peer: entry.peer.id,
        title: entry.peer.title,
        micros: micros.length === 0 ? null : median(micros),
        cost: i === 0 ? null : ratio(ours, micros),
        ...(entry.failed !== undefined && { failed: entry.failed }),
        samples: entry.samples,
      };
    }),
  };
}

function microsOf(entry: EngineEntry): number[] {
  return entry.samples.map(({ messages, micros }) => micros / messages);
}
