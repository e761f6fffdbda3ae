import type { ErrorCode } from "../../errors/table.ts";

/** The options of a server that limit something. Each has a counter of its own in `wss.counters.limits`. */
export const limitNames = [
  "maxMessageSize",
  "maxFragments",
  "maxJsonDepth",
  "maxJsonValues",
  "maxMessagesPerSecond",
  "maxBytesPerSecond",
  "maxSendQueue",
  "maxTotalSendQueue",
  "pingTimeout",
  "idleTimeout",
  "maxLifetime",
  "closeTimeout",
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

/** A limitCounters of nothing yet. */
export function newLimitCounters(): LimitCounters {
  return Object.fromEntries(limitNames.map((name) => [name, 0])) as LimitCounters;
}

const limits: Partial<Record<ErrorCode, LimitName>> = {
  HWS_MESSAGE_TOO_BIG: "maxMessageSize",
  HWS_TOO_MANY_FRAGMENTS: "maxFragments",
  HWS_JSON_TOO_DEEP: "maxJsonDepth",
  HWS_JSON_TOO_BIG: "maxJsonValues",
};

/** Counts the limit that an error says was passed, if there is one; some are counted where they are kept. */
export function countLimit(limitCounters: LimitCounters, code: ErrorCode): void {
  const limit = limits[code];
  if (limit !== undefined) limitCounters[limit]++;
}
