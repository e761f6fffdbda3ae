import { attempt } from "../measure/rounds.ts";
import type { OnStep } from "../measure/rounds.ts";
import type { Peer } from "../peers.ts";
import { PARTS } from "./measure.ts";
import type { EngineSample } from "./measure.ts";
import { EngineProcess } from "./process.ts";
import type { EngineWork } from "./work.ts";

/** The results of one engine with one workload: a sample per round, or the reason why there is none. */
export interface EngineEntry {
  readonly peer: Peer;
  readonly samples: EngineSample[];
  failed?: string;
}

/** The peers whose parser and writer can be measured alone. */
export function enginesOf(peers: readonly Peer[]): Peer[] {
  return peers.filter((peer) => peer.engine !== undefined);
}

/**
 * Measures one workload of the engines. Each engine has a process of its own, so that compiled code and memory of one do not
 * influence the other. It has a new process in each round, because the compiler does not give equally good code each time.
 * Within a round the engines run alternately (A B A B ...). The check runs in another process, so that it has no influence.
 */
export async function measureEngine(
  work: EngineWork,
  peers: readonly Peer[],
  rounds: number,
  onStep: OnStep,
): Promise<EngineEntry[]> {
  const entries = enginesOf(peers).map((peer): EngineEntry => ({ peer, samples: [] }));
  for (const entry of entries) await attempt(entry, () => checkEngine(work, entry.peer));
  for (let round = 1; round <= rounds; round++) {
    const working = entries.filter((entry) => entry.failed === undefined);
    await measureRound(work, working, (peer) => onStep(work, peer, round));
  }
  return entries;
}

async function checkEngine(work: EngineWork, peer: Peer): Promise<void> {
  const process = new EngineProcess(peer, work);
  try {
    await process.check();
  } finally {
    await process.stop();
  }
}

async function measureRound(
  work: EngineWork,
  entries: readonly EngineEntry[],
  onStart: (peer: Peer) => void,
): Promise<void> {
  const sides = entries.map((entry) => ({
    entry,
    process: new EngineProcess(entry.peer, work),
    messages: 0,
    micros: 0,
  }));
  try {
    for (const { entry, process } of sides) {
      onStart(entry.peer);
      await attempt(entry, () => process.warmUp());
    }
    for (let part = 0; part < PARTS; part++) {
      for (const side of sides) {
        if (side.entry.failed !== undefined) continue;
        await attempt(side.entry, async () => {
          const { messages, micros } = await side.process.measure();
          side.messages += messages;
          side.micros += micros;
        });
      }
    }
    for (const { entry, messages, micros } of sides) {
      if (entry.failed === undefined) entry.samples.push({ messages, micros });
    }
  } finally {
    await Promise.all(sides.map((side) => side.process.stop()));
  }
}
