import type { Ping } from "./ping.ts";
import type { KeepaliveSettings } from "./settings.ts";

/** The age of a connection: only connections of servers that limit their lifetime or idle time have one. */
export interface Age {
  /** The tick in which it was opened. */
  readonly openedAt: number;
  /** The tick of its last message. */
  lastMessageAt: number;
}

/** What is known of a connection when it is checked. Times are ticks. */
export interface LivenessSnapshot {
  /** The tick of now. */
  readonly currentTick: number;
  /** When something was last received, or the peer last took something. */
  readonly lastActivityAt: number;
  /** We have stopped reading, and no handler waits until the peer takes something. */
  readonly readingStopped: boolean;
  /** The ping that was not answered yet. */
  readonly ping: Ping | undefined;
  /** Its age, if that is limited. */
  readonly age: Age | undefined;
}

/** The result of a check: the connection is alive, a ping is due, or a limit was reached and the connection must end. */
export type LivenessVerdict = "alive" | "pingDue" | "pingTimeout" | "idleTimeout" | "maxLifetime";

/** The errors for the limits of a connection's time. */
export const timeLimitErrors = { idleTimeout: "HWS_IDLE_TIMEOUT", maxLifetime: "HWS_MAX_LIFETIME" } as const;

/** Judges a connection. A time is over when its last tick has passed completely. */
export function checkLiveness(
  { currentTick, lastActivityAt, readingStopped, ping, age }: LivenessSnapshot,
  settings: KeepaliveSettings,
): LivenessVerdict {
  if (age !== undefined && currentTick - age.openedAt > settings.maxLifetime) return "maxLifetime";
  if (age !== undefined && !readingStopped && currentTick - age.lastMessageAt > settings.idleTimeout)
    return "idleTimeout";
  const pinged = ping === undefined ? lastActivityAt : Math.max(lastActivityAt, ping.sentAtTick);
  // A peer that we do not read from is not dead. If it is, the system reports an error for what was written.
  const awaited = !readingStopped && pinged > lastActivityAt && settings.pingInterval !== Infinity;
  if (awaited)
    return currentTick - pinged > settings.pingTimeout * (ping?.timeoutFactor ?? 1) ? "pingTimeout" : "alive";
  return currentTick - pinged > settings.pingInterval ? "pingDue" : "alive";
}
