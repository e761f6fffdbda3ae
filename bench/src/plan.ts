import type { EngineWork } from "./engine/work.ts";
import type { Timing } from "./measure/rounds.ts";
import type { Peer } from "./peers.ts";
import type { Work } from "./work.ts";

/** Everything that a run measures. */
export interface Plan {
  readonly works: readonly Work[];
  /** The workloads of the frame parser and the frame writer alone. */
  readonly engine: readonly EngineWork[];
  readonly peers: readonly Peer[];
  readonly timing: Timing;
}
