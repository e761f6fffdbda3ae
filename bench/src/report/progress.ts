import { Presets, SingleBar } from "cli-progress";
import type { OnStep, Pace } from "../measure/rounds.ts";
import { roundsOf } from "../measure/rounds.ts";
import type { Peer } from "../peers.ts";
import type { Work } from "../work.ts";

/** The bar on standard error. */
export interface Progress {
  readonly step: OnStep;
  close(): void;
}

/**
 * A bar with one step per run; where standard error is no terminal, a line per work.
 * It is drawn only when a run begins, never while one is measured.
 */
export function openProgress(works: readonly Work[], peers: readonly Peer[], pace: Pace): Progress {
  if (!process.stderr.isTTY) return lines();
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
  bar.start(stepsOf(works, peers, pace), 0, { what: "" });
  return {
    step: (work, peer, round) =>
      bar.increment(1, { what: `${work.id}  ${peer.id}  ${round === 0 ? "warm-up" : `round ${round}`}` }),
    close: () => bar.stop(),
  };
}

function lines(): Progress {
  let last = "";
  return {
    step: (work) => {
      if (work.id !== last) process.stderr.write(`${work.title}\n`);
      last = work.id;
    },
    close: () => undefined,
  };
}

function stepsOf(works: readonly Work[], peers: readonly Peer[], pace: Pace): number {
  let steps = 0;
  for (const work of works) {
    const rounds = roundsOf(work, pace) + (work.kind === "idle" ? 0 : 1);
    steps += rounds * peers.filter((peer) => peer.serves(work)).length;
  }
  return steps;
}
