/** The goals of hawser in comparison with one peer. */
export interface Goal {
  /** The minimum ratio of our messages per second to theirs. */
  readonly throughput?: number;
  /** The maximum ratio of our CPU time per message to theirs (memory: of bytes per connection). */
  readonly cost?: number;
}

/** The goals for each workload and peer. */
export const GOALS: Readonly<Record<string, Readonly<Record<string, Goal>>>> = {
  "echo-20-1": { ws: { cost: 0.8 }, floor: { cost: 1.15 } },
  "echo-20-8": { ws: { throughput: 4 }, bun: { throughput: 0.8 }, floor: { throughput: 0.9 } },
  "echo-20-64": { ws: { throughput: 14 }, bun: { throughput: 0.9 } },
  "echo-20-256": { ws: { throughput: 25 }, bun: { throughput: 1 } },
  "echo-1k-16": { ws: { throughput: 4 }, bun: { throughput: 0.85 } },
  "binary-64k-2": { ws: { throughput: 1 }, bun: { throughput: 1 }, floor: { throughput: 0.85 } },
  "binary-1m-2": { ws: { throughput: 1 }, bun: { throughput: 1 }, floor: { throughput: 0.85 } },
  "fan-500-1": { ws: { cost: 0.85 }, bun: { cost: 1.3 } },
  "fan-500-16": { ws: { throughput: 12 }, bun: { throughput: 0.8 } },
  "handshakes-50": { ws: { throughput: 1.1 }, "floor-http": { throughput: 0.97 } },
  "idle-15000": { ws: { cost: 0.8 }, "floor-http": { cost: 1.1 } },
};
