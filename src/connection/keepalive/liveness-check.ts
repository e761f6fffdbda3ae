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
  readonly now: number;
  /** When something was last received, or the peer last took something. */
  readonly lastReceived: number;
  /** We have stopped reading, and no handler waits until the peer takes something. */
  readonly readingStopped: boolean;
  /** The ping that was not answered yet. */
  readonly ping: Ping | undefined;
  /** Its age, if that is limited. */
  readonly age: Age | undefined;
}

/** The result of a check. `silent`: a ping is due. `dead`, `idle`, `old`: the connection must end. */
export type LivenessVerdict = "well" | "silent" | "dead" | "idle" | "old";

/** Judges a connection. A time is over when its last tick has passed completely. */
export function checkLiveness(
  { now, lastReceived, readingStopped, ping, age }: LivenessSnapshot,
  life: KeepaliveSettings,
): LivenessVerdict {
  if (age !== undefined && now - age.openedAt > life.maxLifetime) return "old";
  if (age !== undefined && !readingStopped && now - age.lastMessageAt > life.idleTimeout) return "idle";
  const pinged = ping === undefined ? lastReceived : Math.max(lastReceived, ping.tick);
  // A peer that we do not read from is not dead. If it is, the system reports an error for what was written.
  const awaited = !readingStopped && pinged > lastReceived && life.pingInterval !== Infinity;
  if (awaited) return now - pinged > life.pingTimeout * (ping?.patience ?? 1) ? "dead" : "well";
  return now - pinged > life.pingInterval ? "silent" : "well";
}
