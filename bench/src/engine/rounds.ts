import { attempt } from "../measure/rounds.ts";
import type { OnStep } from "../measure/rounds.ts";
import type { Peer } from "../peers.ts";
import { PARTS } from "./measure.ts";
import type { EngineSample } from "./measure.ts";
import { EngineProcess } from "./process.ts";
import type { EngineWork } from "./work.ts";

/** What one side did at one work: a sample per round, or why it has none. */
export interface EngineEntry {
  readonly peer: Peer;
  readonly samples: EngineSample[];
  failed?: string;
}

/** The peers whose parser and writer can be had without the rest of them. */
export function enginesOf(peers: readonly Peer[]): Peer[] {
  return peers.filter((peer) => peer.engine !== undefined);
}

/**
 * Measures one work of the engine. Each side has processes of its own, so that neither runs on code that was compiled,
 * or in memory that was left, for the other; a new one each round, so that a process the compiler was lucky in is one
 * round only. Within a round they take turns (A B A B ...). The check has its own as well: it would leave traces.
 */
export async function measureEngine(
  work: EngineWork,
  peers: readonly Peer[],
  rounds: number,
  onStep: OnStep,
): Promise<EngineEntry[]> {
  const entries = enginesOf(peers).map((peer): EngineEntry => ({ peer, samples: [] }));
  for (const entry of entries) await attempt(entry, () => checkSide(work, entry.peer));
  for (let round = 1; round <= rounds; round++) {
    const fit = entries.filter((entry) => entry.failed === undefined);
    await measureRound(work, fit, (peer) => onStep(work, peer, round));
  }
  return entries;
}

async function checkSide(work: EngineWork, peer: Peer): Promise<void> {
  const side = new EngineProcess(peer, work);
  try {
    await side.check();
  } finally {
    await side.stop();
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
