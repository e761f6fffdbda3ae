import type { EngineResult } from "../engine/summary.ts";
import { isPaced } from "../load/job.ts";
import type { Latency, Sample } from "../load/job.ts";
import type { MemorySample } from "../measure/memory.ts";
import { isDisturbed } from "../measure/patience.ts";
import type { Entry, Timing } from "../measure/rounds.ts";
import { median, ratio } from "../measure/statistics.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { Work } from "../work.ts";
import { goalOf } from "./goals.ts";
import type { Goal } from "./goals.ts";
import type { Machine } from "./machine.ts";

// From this share on a core counts as full. It is less than 1, because the clocks are not read at exactly the same time.
const SATURATED = 0.95;

/** The comparison of a server with one of ours. */
export interface Comparison {
  /** Our messages per second divided by those of the server; null in our own row. */
  readonly throughput: Ratio | null;
  /** Our CPU time per message divided by that of the server (memory: bytes; latency: p99). */
  readonly cost: Ratio | null;
  readonly goal: Goal | null;
}

/** One server with one workload: medians of its rounds, and the comparison with the first row. */
export interface Row extends Comparison {
  readonly peer: string;
  readonly title: string;
  readonly perSecond: number | null;
  readonly megabytesPerSecond: number | null;
  /** Bytes of a received message with its frame; null if that was not measured. */
  readonly wireBytes: number | null;
  readonly serverMicros: number | null;
  /** The part of it that is the broker's; null if there is none. */
  readonly brokerMicros: number | null;
  readonly loadMicros: number | null;
  readonly serverShare: number | null;
  readonly loadShare: number | null;
  readonly bytesPerConnection: number | null;
  readonly bytesPerConnectionAsItIs: number | null;
  readonly latency: Latency | null;
  /** The comparison with another one of our servers, if the result has one. */
  readonly second?: Comparison;
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
  /** Another one of our servers with goals of its own: the rows are compared with it too. */
  readonly second?: string;
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

// With compression the pool of deflaters has goals of its own, and with Redis the history.
const SECOND: readonly string[] = ["hawser-deflate-pool", "hawser-redis-history"];

/** Computes medians, ratios to the first entry, and remarks. */
export function summarize(work: Work, entries: readonly Entry[]): WorkResult {
  const ours = entries[0]!;
  const second = entries.slice(1).find((entry) => SECOND.includes(entry.peer.id));
  return {
    work,
    ...(second && { second: second.peer.id }),
    rows: entries.map((entry) => rowOf(work, { ours, second }, entry)),
  };
}

/** The servers with which all are compared. */
interface References {
  readonly ours: Entry;
  readonly second: Entry | undefined;
}

function compare(work: Work, ours: Entry, entry: Entry): Comparison {
  const first = entry === ours;
  return {
    throughput: first || !hasThroughput(work) ? null : ratio(perSecond(ours), perSecond(entry)),
    cost: first ? null : ratio(costs(work, ours), costs(work, entry)),
    goal: goalOf(work.id, ours.peer.id, entry.peer.id),
  };
}

/** A latency run has a fixed rate, and its generator uses a full core. So there is no throughput, and no load-bound row. */
function hasThroughput(work: Work): boolean {
  return !isPaced(work.kind) && work.kind !== "idle";
}

function rowOf(work: Work, { ours, second }: References, entry: Entry): Row {
  const { peer, samples, memory } = entry;
  const of = (figure: (sample: Sample) => number | null): number | null => medianOf(samples.map(figure));
  const serverShare = of((sample) => sample.serverShare);
  const loadShare = of((sample) => sample.loadShare);
  return {
    peer: peer.id,
    title: peer.title,
    perSecond: of((sample) => sample.perSecond),
    megabytesPerSecond: of((sample) => sample.megabytesPerSecond),
    wireBytes: of((sample) => sample.wireBytes ?? null),
    serverMicros: of((sample) => sample.serverMicros),
    brokerMicros: of((sample) => sample.brokerMicros ?? null),
    loadMicros: of((sample) => sample.loadMicros),
    serverShare,
    loadShare,
    bytesPerConnection: medianOf(memory.map((sample) => sample.collected)),
    bytesPerConnectionAsItIs: medianOf(memory.map((sample) => sample.asItIs)),
    latency: latencyOf(samples),
    ...compare(work, ours, entry),
    ...(second && { second: compare(work, second, entry) }),
    loadBound: hasThroughput(work) && (loadShare ?? 0) >= SATURATED && (serverShare ?? 1) < SATURATED,
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
  if (isPaced(work.kind)) return entry.samples.map((sample) => sample.latency?.p99 ?? null);
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
