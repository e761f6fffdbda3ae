import { connectionLimitNames, zeroCounters } from "../connection/counters/limit-counters.ts";

/** What limits something: options of a server, and `maxTopics`, which is fixed. Each has a counter of its own in `wss.counters.limits`. */
export const limitNames = [
  ...connectionLimitNames,
  "maxConnections",
  "maxConnectionsPerAddress",
  "maxHandshakes",
  "maxHandshakesPerSecond",
  "maxHeaderSize",
  "handshakeTimeout",
  "maxTopicsPerConnection",
  "maxTopics",
  "maxBackplaneQueue",
] as const;

/** The name of a limit: that of its option, or `maxTopics`, which is fixed and no option. */
export type LimitName = (typeof limitNames)[number];

/** How often each limit was reached. */
export type LimitCounters = Record<LimitName, number>;

/** Counters that are all 0. */
export function newLimitCounters(): LimitCounters {
  return zeroCounters(limitNames);
}
