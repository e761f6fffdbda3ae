import { Presets, SingleBar } from "cli-progress";
import { enginesOf } from "../engine/rounds.ts";
import type { OnStep } from "../measure/rounds.ts";
import { roundsOf } from "../measure/rounds.ts";
import type { Plan } from "../plan.ts";

/** The bar on standard error. */
export interface Progress {
  readonly step: OnStep;
  close(): void;
}

/**
 * A bar with one step per run; where standard error is no terminal, a line per work.
 * It is drawn only when a run begins, never while one is measured.
 */
export function openProgress(plan: Plan): Progress {
  if (!process.stderr.isTTY) return lines(plan);
  const bar = new SingleBar(
    {
      format: " {bar} {value}/{total}  {what}",
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      fps: 1000,
    },
    Presets.shades_classic,
  );
  bar.start(stepsOf(plan), 0, { what: "" });
  return {
    step: (work, peer, round) =>
      bar.increment(1, { what: `${work.id}  ${peer.id}  ${round === 0 ? "warm-up" : `round ${round}`}` }),
    close: () => bar.stop(),
  };
}

function lines({ works, engine }: Plan): Progress {
  const ids = [...works, ...engine].map((work) => work.id);
  let last = "";
  return {
    step: (work) => {
      if (work.id !== last) process.stderr.write(`${ids.indexOf(work.id) + 1}/${ids.length} ${work.title}\n`);
      last = work.id;
    },
    close: () => undefined,
  };
}

function stepsOf({ works, engine, peers, pace }: Plan): number {
  let steps = engine.length * enginesOf(peers).length * pace.rounds;
  for (const work of works) {
    const rounds = roundsOf(work, pace) + (work.kind === "idle" ? 0 : 1);
    steps += rounds * peers.filter((peer) => peer.serves(work)).length;
  }
  return steps;
}
