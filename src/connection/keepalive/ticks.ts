import { TICKS_PER_ROUND } from "./liveness-timer.ts";
import type { KeepaliveSettings } from "./settings.ts";

/** The shortest time has at least this many ticks, so it is kept to within a twentieth. */
const TICKS_PER_TIME = 20;
/** Milliseconds of a tick. A shorter one is not worth a timer, a longer one is not exact enough. */
const TICK = { min: 5, max: 1_000 } as const;

/** Milliseconds; Infinity: never. */
export interface KeepaliveTimes {
  /** The silence of a peer before a ping. */
  readonly pingInterval: number;
  /** The time for an answer. */
  readonly pingTimeout: number;
  /** The time without a message. */
  readonly idleTimeout: number;
  /** The time that a connection may stay open. */
  readonly maxLifetime: number;
}

/** The times of connections in ticks of the timer that checks them. */
export function toTicks({ pingInterval, pingTimeout, idleTimeout, maxLifetime }: KeepaliveTimes): KeepaliveSettings {
  const times = {
    pingInterval,
    pingTimeout: pingInterval === Infinity ? Infinity : pingTimeout,
    idleTimeout,
    maxLifetime,
  };
  const shortest = Math.min(...Object.values(times));
  // Without any limit the ticks go on: callbacks that do not settle are looked for.
  const tick = Math.min(TICK.max, Math.max(TICK.min, Math.floor(shortest / TICKS_PER_TIME)));
  const ticks = (ms: number): number => (ms === Infinity ? Infinity : Math.ceil(ms / tick));
  return {
    tickMs: tick,
    // A time is over after more than its ticks, and that is found within a round. The ping comes before the interval ends.
    pingInterval: Math.max(1, Math.floor(times.pingInterval / tick) - TICKS_PER_ROUND),
    pingTimeout: ticks(times.pingTimeout),
    idleTimeout: ticks(times.idleTimeout),
    maxLifetime: ticks(times.maxLifetime),
  };
}
