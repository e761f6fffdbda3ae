import type { EngineResult } from "../engine/summary.ts";
import type { Latency, Sample } from "../load/job.ts";
import type { MemorySample } from "../measure/memory.ts";
import { isDisturbed } from "../measure/patience.ts";
import type { Entry, Timing } from "../measure/rounds.ts";
import { median, ratio } from "../measure/statistics.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { Work } from "../work.ts";
import { GOALS } from "./goals.ts";
import type { Goal } from "./goals.ts";
import type { Machine } from "./machine.ts";

// From this share on a core counts as full. It is less than 1, because the clocks are not read at exactly the same time.
const SATURATED = 0.95;

/** One server with one workload: medians of its rounds, and ratios of our figures to its own. */
export interface Row {
  readonly peer: string;
  readonly title: string;
  readonly perSecond: number | null;
  readonly megabytesPerSecond: number | null;
  readonly serverMicros: number | null;
  readonly loadMicros: number | null;
  readonly serverShare: number | null;
  readonly loadShare: number | null;
  readonly bytesPerConnection: number | null;
  readonly bytesPerConnectionAsItIs: number | null;
  readonly latency: Latency | null;
  /** The messages per second of the first row divided by those of this row; null in the first row. */
  readonly throughput: Ratio | null;
  /** The CPU time per message of the first row divided by that of this row (memory: bytes; latency: p99). */
  readonly cost: Ratio | null;
  readonly goal: Goal | null;
  /** The core of the load generator was full and that of the server was not: the generator limits the throughput. */
  readonly loadBound: boolean;
  /** The number of rounds in which other processes used too much CPU time. */
  readonly disturbedRounds: number;
  readonly failed?: string;
  readonly samples: readonly Sample[];
  readonly memory: readonly MemorySample[];
}

/** All servers with one workload. */
export interface WorkResult {
  readonly work: Work;
  readonly rows: readonly Row[];
}

/** A whole run. */
export interface Result {
  readonly date: string;
  readonly machine: Machine;
  readonly pace: Timing;
  readonly works: readonly WorkResult[];
  /** The frame parser and the frame writer alone. */
  readonly engine: readonly EngineResult[];
}

/** Computes medians, ratios to the first entry, and remarks. */
export function summarize(work: Work, entries: readonly Entry[]): WorkResult {
  const ours = entries[0]!;
  return { work, rows: entries.map((entry) => rowOf(work, ours, entry)) };
}

function rowOf(work: Work, ours: Entry, entry: Entry): Row {
  const { peer, samples, memory } = entry;
  const of = (figure: (sample: Sample) => number | null): number | null => medianOf(samples.map(figure));
  const serverShare = of((sample) => sample.serverShare);
  const loadShare = of((sample) => sample.loadShare);
  const first = entry === ours;
  // A latency run has a fixed rate, and its generator uses a full core. So there is no throughput, and no load-bound row.
  const hasThroughput = work.kind !== "latency" && work.kind !== "idle";
  return {
    peer: peer.id,
    title: peer.title,
    perSecond: of((sample) => sample.perSecond),
    megabytesPerSecond: of((sample) => sample.megabytesPerSecond),
    serverMicros: of((sample) => sample.serverMicros),
    loadMicros: of((sample) => sample.loadMicros),
    serverShare,
    loadShare,
    bytesPerConnection: medianOf(memory.map((sample) => sample.collected)),
    bytesPerConnectionAsItIs: medianOf(memory.map((sample) => sample.asItIs)),
    latency: latencyOf(samples),
    throughput: first || !hasThroughput ? null : ratio(perSecond(ours), perSecond(entry)),
    cost: first ? null : ratio(costs(work, ours), costs(work, entry)),
    goal: ours.peer.id === "hawser" ? (GOALS[work.id]?.[peer.id] ?? null) : null,
    loadBound: hasThroughput && (loadShare ?? 0) >= SATURATED && (serverShare ?? 1) < SATURATED,
    disturbedRounds: samples.filter(isDisturbed).length,
    ...(entry.failed !== undefined && { failed: entry.failed }),
    samples,
    memory,
  };
}

function perSecond(entry: Entry): number[] {
  return entry.samples.map((sample) => sample.perSecond);
}

function costs(work: Work, entry: Entry): (number | null)[] {
  if (work.kind === "idle") return entry.memory.map((sample) => sample.collected);
  if (work.kind === "latency") return entry.samples.map((sample) => sample.latency?.p99 ?? null);
  return entry.samples.map((sample) => sample.serverMicros);
}

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

function latencyOf(samples: readonly Sample[]): Latency | null {
  const all = samples.map((sample) => sample.latency).filter((latency) => latency !== undefined);
  if (all.length === 0) return null;
  return {
    p50: median(all.map((latency) => latency.p50)),
    p99: median(all.map((latency) => latency.p99)),
    p999: median(all.map((latency) => latency.p999)),
    sentLateP99: median(all.map((latency) => latency.sentLateP99)),
  };
}
