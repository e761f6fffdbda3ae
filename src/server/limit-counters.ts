import { connectionLimitNames, zeroCounters } from "../connection/counters/limit-counters.ts";

/** The options of a server that limit something. Each has a counter of its own in `wss.counters.limits`. */
export const limitNames = [
  ...connectionLimitNames,
  "maxConnections",
  "maxConnectionsPerAddress",
  "maxHandshakes",
  "maxHandshakesPerSecond",
  "maxHeaderSize",
  "handshakeTimeout",
] as const;

/** The name of a limit: that of its option. */
export type LimitName = (typeof limitNames)[number];

/** How often each limit was reached. */
export type LimitCounters = Record<LimitName, number>;

/** Counters that are all 0. */
export function newLimitCounters(): LimitCounters {
  return zeroCounters(limitNames);
}
