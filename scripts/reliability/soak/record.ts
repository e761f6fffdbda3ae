import type { Circumstances } from "../machine.ts";
import { type Point, slope } from "../statistics.ts";
import type { Counts, Holdings } from "./server.ts";

/** The memory and the resources of the server at a time when all connections had ended. */
export interface Sample extends Holdings {
  /** Connections that were opened before that. */
  readonly connects: number;
  /** Seconds since the start. */
  readonly seconds: number;
  /** Connections in TIME_WAIT. */
  readonly remembered: number;
}

/** Bytes that stay in memory per connection: the slope of the line through the samples, without the first fifth of them. */
export interface Growth {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

/** The result of a soak. */
export interface SoakRecord {
  readonly circumstances: Circumstances;
  /** Connections that were attempted, including refused ones. */
  readonly connects: number;
  readonly seconds: number;
  /** For each scenario, the number of connections that ended as expected. */
  readonly done: Readonly<Record<string, number>>;
  /** The other connections, as text. */
  readonly failures: readonly string[];
  /** The counters of the server, and the events of its handlers. */
  readonly counts: Counts;
  /** Calls of `onOpen`. */
  readonly opened: number;
  /** Calls of `onTerminate`. */
  readonly closed: number;
  /** `wss.connections.length` at the end. */
  readonly left: number;
  /** Connections that have ended and are still in memory at the end. */
  readonly leaked: number;
  /** Promises of `ws.ping()` and `ws.drained()` that never settled. */
  readonly waiting: number;
  /** Handles of the server's process at the end, after `wss.terminate()`. */
  readonly handlesLeft: number;
  readonly growth: Growth;
  /** Whether {@link Growth} is below its limits. */
  readonly flat: boolean;
  readonly samples: readonly Sample[];
}

/** The samples of this first part of the run do not count: the server warms up. */
const WARM_UP = 0.2;

/**
 * Bytes per connection above which memory is not flat. No object in the heap is smaller than 16 bytes;
 * the resident memory depends on the allocators.
 */
const BOUNDS: Growth = { heapUsed: 8, external: 8, rss: 64 };

/** Bytes of growth over the whole run that are ignored: code is compiled late, and memory pages are freed late. */
const NOISE: Growth = { heapUsed: 1024 * 1024, external: 64 * 1024, rss: 8 * 1024 * 1024 };

const kinds = ["heapUsed", "external", "rss"] as const;

/**
 * The memory that stays after each connection.
 *
 * @param samples - of the whole run
 * @param warmUp - the share of it that does not count
 */
export function growthOf(samples: readonly Sample[], warmUp = WARM_UP): Growth {
  const last = samples.at(-1)?.connects ?? 0;
  const warm = samples.filter(({ connects }) => connects >= last * warmUp);
  const of = (kind: keyof Growth): number => {
    const points = warm.map((sample): Point => ({ x: sample.connects, y: sample[kind] }));
    return Math.round(slope(points) * 100) / 100;
  };
  return { heapUsed: of("heapUsed"), external: of("external"), rss: of("rss") };
}

/** Whether memory stays flat over this number of connections. */
export function isFlat(growth: Growth, connects: number): boolean {
  return kinds.every((kind) => growth[kind] < BOUNDS[kind] || growth[kind] * connects < NOISE[kind]);
}
