import type { Ping } from "./ping.ts";
import type { KeepaliveSettings } from "./settings.ts";

/** For connections of servers that limit either: when it began, and the tick of its last message. */
export interface Age {
  /** The tick of its beginning. */
  readonly openedAt: number;
  /** The tick of its last message. */
  lastMessageAt: number;
}

/** What is known of a connection when it is looked at. Times are ticks. */
export interface LivenessSnapshot {
  /** The tick of now. */
  readonly now: number;
  /** When something last came, or went out. */
  readonly lastReceived: number;
  /** Reading was stopped, by us, and nobody here waits for the peer to take something. */
  readonly readingStopped: boolean;
  /** The ping that is out. */
  readonly ping: Ping | undefined;
  /** Where one is kept. */
  readonly age: Age | undefined;
}

/** What a look at a connection finds: `silent` wants a ping, the last three its end. */
export type LivenessVerdict = "well" | "silent" | "dead" | "idle" | "old";

/** What is to be done about a connection. A time is over when all of its last tick is. */
export function checkLiveness(
  { now, lastReceived: heard, readingStopped: deaf, ping, age }: LivenessSnapshot,
  life: KeepaliveSettings,
): LivenessVerdict {
  if (age !== undefined && now - age.openedAt > life.maxLifetime) return "old";
  if (age !== undefined && !deaf && now - age.lastMessageAt > life.idleTimeout) return "idle";
  const pinged = ping === undefined ? heard : Math.max(heard, ping.tick);
  // Whom we do not listen to is not dead; but where nobody is there any more, the system will say so of what was written.
  const awaited = !deaf && pinged > heard && life.pingInterval !== Infinity;
  if (awaited) return now - pinged > life.pingTimeout * (ping?.patience ?? 1) ? "dead" : "well";
  return now - pinged > life.pingInterval ? "silent" : "well";
}
