/** The goals of hawser in comparison with one peer. */
export interface Goal {
  /** The minimum ratio of our messages per second to theirs. */
  readonly throughput?: number;
  /** The maximum ratio of our CPU time per message to theirs (memory: of bytes per connection). */
  readonly cost?: number;
  /** The maximum number of bytes per connection that ours may have more. */
  readonly moreBytes?: number;
}

/** The goals of hawser for each workload and peer. */
const GOALS: Readonly<Record<string, Readonly<Record<string, Goal>>>> = {
  "echo-20-1": { ws: { cost: 0.8 }, bun: { cost: 1.05 }, floor: { cost: 1.15 } },
  "echo-20-8": { ws: { throughput: 4 }, bun: { throughput: 1 }, floor: { throughput: 0.9 } },
  "echo-20-64": { ws: { throughput: 14 }, bun: { throughput: 0.9 } },
  "echo-20-256": { ws: { throughput: 25 }, bun: { throughput: 1 } },
  "echo-1k-16": { ws: { throughput: 4 }, bun: { throughput: 0.85 } },
  // 0.75 on the newest LTS line of Node.
  "json-100-16": { bun: { throughput: 0.5 } },
  "echo-64k-2": { ws: { throughput: 1.7 } },
  "echo-1m-2": { ws: { throughput: 1.25 } },
  "echo-16m-2": { ws: { throughput: 1.35 } },
  "binary-64k-2": { ws: { throughput: 1.7 }, bun: { throughput: 1 }, floor: { throughput: 0.85 } },
  "binary-1m-2": { ws: { throughput: 1.25 }, bun: { throughput: 1 }, floor: { throughput: 0.85 } },
  "binary-16m-2": { ws: { throughput: 1.35 }, floor: { throughput: 0.85 } },
  "fan-500-1": { ws: { cost: 0.85 }, bun: { cost: 1.15 } },
  "fan-500-16": { ws: { throughput: 12 }, bun: { throughput: 1 } },
  "fan-5000-16": { bun: { throughput: 1 } },
  "handshakes-50": { ws: { throughput: 1.1 }, "floor-http": { throughput: 0.97, cost: 1.1 } },
  "latency-10000": { bun: { cost: 1.2 } },
  "idle-15000": { ws: { cost: 0.7 }, "floor-http": { cost: 1.05 } },
};

/** The goals of hawser with compression: for each workload, for each of our servers, for each peer. */
const COMPRESSED_GOALS: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Goal>>>>>> = {
  "deflate-1k-16": {
    "hawser-deflate": { "ws-deflate": { throughput: 6 }, "bun-deflate": { throughput: 0.75 } },
    "hawser-deflate-pool": { "bun-deflate": { throughput: 1 } },
  },
  "deflate-fan-500-16": { "hawser-deflate": { "ws-deflate": { throughput: 30 } } },
  "deflate-memory-10000": { "hawser-deflate": { "ws-deflate": { cost: 0.1 }, hawser: { moreBytes: 100 } } },
};

/** The goals of hawser's client. */
const CLIENT_GOALS: typeof GOALS = {
  "client-echo-20-1": { "ws-client": { throughput: 1 } },
  "client-echo-20-64": { "ws-client": { throughput: 10 } },
  "client-echo-1m-2": { "ws-client": { throughput: 1 } },
  "client-binary-1m-2": { "ws-client": { throughput: 1 } },
  "client-idle-5000": { "ws-client": { cost: 0.8 } },
};

/** The goals of servers that Redis joins: 5 times (3 with one in flight) and 8 times as many deliveries for each second of CPU time. */
const REDIS_GOALS: typeof COMPRESSED_GOALS = {
  "redis-fan-500-1": {
    "hawser-redis": { "socket.io-redis": { cost: 0.333 } },
  },
  "redis-fan-500-16": {
    "hawser-redis": { "socket.io-redis": { cost: 0.2 } },
    "hawser-redis-history": { "socket.io-streams": { cost: 0.125 } },
  },
};

/**
 * The goal of one of our servers in comparison with a peer.
 *
 * @returns null if there is none
 */
export function goalOf(work: string, ours: string, peer: string): Goal | null {
  const goals: Readonly<Record<string, Goal>> | undefined =
    ours === "hawser"
      ? GOALS[work]
      : ours === "hawser-client"
        ? CLIENT_GOALS[work]
        : { ...COMPRESSED_GOALS, ...REDIS_GOALS }[work]?.[ours];
  return goals?.[peer] ?? null;
}
