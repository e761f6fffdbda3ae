import { Presets, SingleBar } from "cli-progress";
import { enginesOf } from "../engine/rounds.ts";
import type { OnStep } from "../measure/rounds.ts";
import { roundsOf } from "../measure/rounds.ts";
import type { Plan } from "../plan.ts";

/** The progress bar on standard error. */
export interface Progress {
  readonly step: OnStep;
  close(): void;
}

/**
 * Shows a bar with one step per run. If standard error is not a terminal, it prints a line per workload.
 * It is updated only between runs, never during one.
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

function stepsOf({ works, engine, peers, timing }: Plan): number {
  let steps = engine.length * enginesOf(peers).length * timing.rounds;
  for (const work of works) {
    const rounds = roundsOf(work, timing) + (work.kind === "idle" ? 0 : 1);
    steps += rounds * peers.filter((peer) => peer.serves(work)).length;
  }
  return steps;
}
