/**
 * Traits that follow from a peer's name, not from the random numbers. The names of a scenario without them begin with
 * `PLAIN`: one that has failed once stays the same when traits are added.
 */
export const PLAIN = "x";

/** A number from 0 to `limit - 1`; undefined in a scenario without traits. */
function traitOf(name: string, limit: number): number | undefined {
  if (name.startsWith(PLAIN)) return undefined;
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum = (Math.imul(sum, 31) + name.charCodeAt(i)) >>> 0;
  return sum % limit;
}

/** Whether the peer connects by a Unix socket, which holds some 200 KB, where a TCP socket holds megabytes. */
export function isLocal(name: string): boolean {
  return traitOf(name, 3) === 0;
}

/**
 * Whether the peer takes nothing for a while once it is open, and its handler sends short messages all that time: a write of
 * memory that connections share is then not taken at once.
 */
export function sleeps(name: string): boolean {
  return traitOf(name, 2) === 0;
}

/** What the stream of an application does that streams should not do. */
export interface Faults {
  /** It emits no "close". */
  readonly emitsClose: boolean;
  /** The bytes after which `write` throws. */
  readonly throwsAfter: number;
}

/** The faults of the stream with this name. */
export function faultsOf(name: string): Faults {
  const kind = traitOf(name, 16) ?? Infinity;
  return { emitsClose: kind > 3, throwsAfter: kind === 15 ? 200 + (traitOf(name, 20_000) ?? 0) : Infinity };
}
