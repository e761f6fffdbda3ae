import type { Ping } from "./ping.ts";
import type { LifeSettings } from "./settings.ts";

/** For connections of servers that limit either: when it began, and the tick of its last message. */
export interface Age {
  /** The tick of its beginning. */
  readonly born: number;
  /** The tick of its last message. */
  active: number;
}

/** What is known of a connection when it is looked at. Times are ticks. */
export interface Pulse {
  /** The tick of now. */
  readonly now: number;
  /** When something last came, or went out. */
  readonly heard: number;
  /** Reading was stopped, by us, and nobody here waits for the peer to take something. */
  readonly deaf: boolean;
  /** The ping that is out. */
  readonly ping: Ping | undefined;
  /** Where one is kept. */
  readonly age: Age | undefined;
}

/** What a look at a connection finds: `silent` wants a ping, the last three its end. */
export type Finding = "well" | "silent" | "dead" | "idle" | "old";

/** What is to be done about a connection. A time is over when all of its last tick is. */
export function examine({ now, heard, deaf, ping, age }: Pulse, life: LifeSettings): Finding {
  if (age !== undefined && now - age.born > life.maxLifetime) return "old";
  if (age !== undefined && !deaf && now - age.active > life.idleTimeout) return "idle";
  const pinged = ping === undefined ? heard : Math.max(heard, ping.tick);
  // Whom we do not listen to is not dead; but where nobody is there any more, the system will say so of what was written.
  const awaited = !deaf && pinged > heard && life.pingInterval !== Infinity;
  if (awaited) return now - pinged > life.pingTimeout * (ping?.patience ?? 1) ? "dead" : "well";
  return now - pinged > life.pingInterval ? "silent" : "well";
}
