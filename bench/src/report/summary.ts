import type { EngineResult } from "../engine/summary.ts";
import type { Latency, Sample } from "../load/job.ts";
import type { MemorySample } from "../measure/memory.ts";
import { isDisturbed } from "../measure/patience.ts";
import type { Entry, Pace } from "../measure/rounds.ts";
import { median, ratio } from "../measure/statistics.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { Work } from "../work.ts";
import { GOALS } from "./goals.ts";
import type { Goal } from "./goals.ts";
import type { Machine } from "./machine.ts";

// A core this full has nothing left to give. Just under one, for the time between the readings of the clocks.
const SATURATED = 0.95;

/** One server at one work: medians of its rounds, and ours over theirs. */
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
  /** The first row's messages per second over this one's; null in the first row. */
  readonly throughput: Ratio | null;
  /** The first row's CPU time per message (memory, latency: bytes, p99) over this one's. */
  readonly cost: Ratio | null;
  readonly goal: Goal | null;
  /** The load generator's core was full and the server's was not: the throughput is the generator's. */
  readonly loadBound: boolean;
  /** Rounds in which something else on the machine took more than a little. */
  readonly disturbedRounds: number;
  readonly failed?: string;
  readonly samples: readonly Sample[];
  readonly memory: readonly MemorySample[];
}

/** All servers at one work. */
export interface WorkResult {
  readonly work: Work;
  readonly rows: readonly Row[];
}

/** A whole run. */
export interface Result {
  readonly date: string;
  readonly machine: Machine;
  readonly pace: Pace;
  readonly works: readonly WorkResult[];
  /** The frame parser and the frame writer by themselves. */
  readonly engine: readonly EngineResult[];
}

/** Medians, ratios against the first entry, and what is to be said about each. */
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
  // The rate of a latency run is given, and its generator spins: neither can say anything there.
  const throughputIsFree = work.kind !== "latency" && work.kind !== "idle";
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
    throughput: first || !throughputIsFree ? null : ratio(perSecond(ours), perSecond(entry)),
    cost: first ? null : ratio(costs(work, ours), costs(work, entry)),
    goal: ours.peer.id === "hawser" ? (GOALS[work.id]?.[peer.id] ?? null) : null,
    loadBound: throughputIsFree && (loadShare ?? 0) >= SATURATED && (serverShare ?? 1) < SATURATED,
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
