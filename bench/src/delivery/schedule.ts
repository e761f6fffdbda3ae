import { CUTS, type Cut } from "./cable.ts";

/** A cut of one client. */
export interface PlannedCut {
  /** Milliseconds after the start. */
  readonly at: number;
  readonly client: number;
  readonly how: Cut;
}

/** When, which and how clients are cut. */
export interface CutPlan {
  readonly clients: number;
  /** Seconds of load. */
  readonly seconds: number;
  /** Seconds between two cuts of one client, on average. */
  readonly every: number;
  readonly seed: number;
}

/** Cuts at random times. The same seed gives the same cuts, so all clients that are compared get the same ones. */
export function scheduleOf({ clients, seconds, every, seed }: CutPlan): PlannedCut[] {
  const random = randomFrom(seed);
  const cuts: PlannedCut[] = [];
  const gap = (every * 1000) / clients;
  for (let at = gap; at < seconds * 1000; at += -Math.log(1 - random()) * gap)
    cuts.push({ at, client: Math.floor(random() * clients), how: CUTS[Math.floor(random() * CUTS.length)]! });
  return cuts;
}

/** Numbers from 0 to 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
