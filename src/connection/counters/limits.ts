import type { ErrorCode } from "../../errors/table.ts";

/** The options of a server that limit something. Each has a counter of its own in `wss.counters.limits`. */
export const limitNames = [
  "maxMessageSize",
  "maxFragmentOverhead",
  "maxPongQueue",
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
export type Tally = Record<LimitName, number>;

/** A tally of nothing yet. */
export function newTally(): Tally {
  return Object.fromEntries(limitNames.map((name) => [name, 0])) as Tally;
}

const limits: Partial<Record<ErrorCode, LimitName>> = {
  HWS_MESSAGE_TOO_BIG: "maxMessageSize",
  HWS_TOO_MANY_FRAGMENTS: "maxFragmentOverhead",
  HWS_JSON_TOO_DEEP: "maxJsonDepth",
  HWS_JSON_TOO_BIG: "maxJsonValues",
};

/** Counts the limit that an error says was passed, if there is one; some are counted where they are kept. */
export function countLimit(tally: Tally, code: ErrorCode): void {
  const limit = limits[code];
  if (limit !== undefined) tally[limit]++;
}
