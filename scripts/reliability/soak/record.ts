import type { Circumstances } from "../machine.ts";
import { type Point, slope } from "../statistics.ts";
import type { Counts, Holdings } from "./server.ts";

/** What the server held at a moment when all connections were over. */
export interface Sample extends Holdings {
  /** Connections that were made until then. */
  readonly connects: number;
  /** Seconds since the start. */
  readonly seconds: number;
  /** Connections that the system still remembered (TIME_WAIT). */
  readonly remembered: number;
}

/** Bytes that stay in memory per connection: the slope of the line through the samples, without the first fifth of them. */
export interface Growth {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

/** What a soak has shown. */
export interface SoakRecord {
  readonly circumstances: Circumstances;
  /** Connections that were made, refused ones among them. */
  readonly connects: number;
  readonly seconds: number;
  /** How many of each course went as they should. */
  readonly done: Readonly<Record<string, number>>;
  /** The others, in words. */
  readonly failures: readonly string[];
  /** What the server has counted, and its handlers were told. */
  readonly counts: Counts;
  /** Calls of `onOpen`. */
  readonly opened: number;
  /** Calls of `onTerminate`. */
  readonly closed: number;
  /** In `wss.connections` at the end. */
  readonly left: number;
  /** Connections that are over and still in memory, at the end. */
  readonly leaked: number;
  /** Promises of `ws.ping()` and `ws.drained()` that never settled. */
  readonly waiting: number;
  /** Handles of the server's process at the end, after `wss.terminate()`. */
  readonly handlesLeft: number;
  readonly growth: Growth;
  /** Whether {@link Growth} is within its bounds. */
  readonly flat: boolean;
  readonly samples: readonly Sample[];
}

/** Samples before this share of the run are of a server that is still warming up. */
const WARM_UP = 0.2;

/**
 * Bytes per connection above which memory is not flat. No object in the heap is smaller than 16 bytes;
 * the resident memory is what the allocators make of it.
 */
const BOUNDS: Growth = { heapUsed: 8, external: 8, rss: 64 };

/** Bytes, over the whole run, that are no growth: code that is compiled late, and pages that are given back later. */
const NOISE: Growth = { heapUsed: 1024 * 1024, external: 64 * 1024, rss: 8 * 1024 * 1024 };

const kinds = ["heapUsed", "external", "rss"] as const;

/**
 * What stays in memory after each connection.
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
