import type { EngineWork } from "./engine/work.ts";
import type { Pace } from "./measure/rounds.ts";
import type { Peer } from "./peers.ts";
import type { Work } from "./work.ts";

/** What a run is made of. */
export interface Plan {
  readonly works: readonly Work[];
  /** The frame parser and the frame writer by themselves. */
  readonly engine: readonly EngineWork[];
  readonly peers: readonly Peer[];
  readonly pace: Pace;
}
