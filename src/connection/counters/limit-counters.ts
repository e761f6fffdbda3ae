import type { ErrorCode } from "../../errors/table.ts";

/** The options that limit one connection. Each has a counter in `wss.counters.limits`. */
export const connectionLimitNames = [
  "maxMessageSize",
  "maxStreamSize",
  "maxFragments",
  "maxJsonDepth",
  "maxJsonValues",
  "maxMessagesPerSecond",
  "maxBytesPerSecond",
  "maxTotalReceiveQueue",
  "maxSendQueue",
  "maxTotalSendQueue",
  "pingTimeout",
  "idleTimeout",
  "maxLifetime",
  "closeTimeout",
] as const;

/** The name of a limit: that of its option. */
export type ConnectionLimitName = (typeof connectionLimitNames)[number];

/** How often each limit was reached. */
export type ConnectionLimitCounters = Record<ConnectionLimitName, number>;

/** Counters with these names that are all 0. */
export function zeroCounters<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

const limits: Partial<Record<ErrorCode, ConnectionLimitName>> = {
  HWS_MESSAGE_TOO_BIG: "maxMessageSize",
  HWS_STREAM_TOO_BIG: "maxStreamSize",
  HWS_TOO_MANY_FRAGMENTS: "maxFragments",
  HWS_JSON_TOO_DEEP: "maxJsonDepth",
  HWS_JSON_TOO_BIG: "maxJsonValues",
};

/** Counts the limit that belongs to an error code, if one does. The other limits are counted where they are checked. */
export function countLimit(limitCounters: ConnectionLimitCounters, code: ErrorCode): void {
  const limit = limits[code];
  if (limit !== undefined) limitCounters[limit]++;
}
