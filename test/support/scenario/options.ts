import type { DataType, WebSocketServerOptions } from "hawser";
import type { Random } from "../../../fuzz/engine/random.ts";

const KIB = 1024;

/** The options of one server of a scenario. */
export type ScenarioOptions = Omit<WebSocketServerOptions, "path"> & {
  readonly path?: string | undefined;
  readonly dataType: DataType;
  readonly sendQueuePolicy: "terminate" | "drop-newest" | "drop-oldest" | "latest";
  readonly maxMessageSize: number;
};

/** Random options: small limits, and the defaults. */
export function randomOptions(random: Random, path: string): ScenarioOptions {
  const limits = {
    highWaterMark: random.pick([0, KIB, 64 * KIB, undefined, undefined]),
    maxSendQueue: random.pick([4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, undefined, undefined]),
    maxTotalSendQueue: random.oneIn(8) ? 64 * KIB : undefined,
    maxFragments: random.pick([64, undefined]),
    closeBatchSize: random.pick([1, 3, undefined]),
    maxConnectionsPerAddress: random.oneIn(8) ? 4 : undefined,
    maxHandshakes: random.oneIn(10) ? 2 : undefined,
  };
  const times = {
    pingInterval: random.pick([20, 60, undefined, Infinity]),
    pingTimeout: random.oneIn(10) ? 40 : undefined,
    idleTimeout: random.oneIn(10) ? 150 : undefined,
    maxLifetime: random.oneIn(10) ? 250 : undefined,
    closeTimeout: random.pick([20, 100, 300]),
    handshakeTimeout: random.pick([30, 2000]),
  };
  const rates = random.oneIn(5)
    ? {
        maxMessagesPerSecond: random.pick([100, 400, undefined]),
        maxBytesPerSecond: random.pick([512 * KIB, undefined]),
        ratePolicy: random.pick(["pause", "close"] as const),
      }
    : {};
  const dataType = random.pick(["text", "blob", "object", "auto"] as const);
  return {
    path,
    dataType,
    sendQueuePolicy: random.pick(["terminate", "drop-newest", "drop-oldest", "latest"] as const),
    maxMessageSize: random.pick([2 * KIB, 70 * KIB, 1024 * KIB]),
    // The choice is made in any case: the seeds of scenarios stay what they are.
    invalidJson: [random.pick(["close", "ignore"] as const)].find(() => dataType === "object"),
    trustProxy: random.pick([undefined, undefined, 1]),
    ...limits,
    ...times,
    ...rates,
  };
}

const EDGES = [125, 126, 127, 4095, 4096, 16_384, 16_385, 65_535, 65_536] as const;

/** The number of characters of a random message: mostly few, sometimes near a limit of a part, seldom many. */
export function randomSize(random: Random, most: number): number {
  const kind = random.below(20);
  const size =
    kind < 12
      ? random.below(40)
      : kind < 16
        ? random.below(1500)
        : kind < 19
          ? random.pick(EDGES) + random.below(3) - 1
          : random.below(200_000);
  return Math.min(size, most);
}
