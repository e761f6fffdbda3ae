import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { machineBusySeconds } from "../load/cpu.ts";
import type { Sample } from "../load/job.ts";

// If other processes use more than this part of a core, the throughput of a run means little.
const DISTURBED = 0.15;

// How long the use of the machine is observed, in milliseconds: /proc/stat counts hundredths of a second.
const OBSERVATION = 500;

/** Whether other processes used too much CPU time during a run. */
export function isDisturbed(sample: Sample): boolean {
  return foreign(sample) > DISTURBED;
}

/** Waits for an idle machine and repeats disturbed runs, until its time is used up. */
export class Patience {
  #left: number;

  /**
   * @param seconds - the time in all for waiting and repeating
   */
  constructor(seconds: number) {
    this.#left = seconds * 1000;
  }

  /**
   * Repeats a run until it was not disturbed.
   *
   * @returns the sample of that run, or of the least disturbed one
   */
  async undisturbed(run: () => Promise<Sample>): Promise<Sample> {
    let best = await run();
    while (isDisturbed(best) && this.#left > 0) {
      const begin = performance.now();
      if (await isIdle()) {
        const again = await run();
        if (foreign(again) < foreign(best)) best = again;
      }
      this.#left -= performance.now() - begin;
    }
    return best;
  }
}

/** Whether the machine is idle now. Nothing of the benchmark runs at that time. */
async function isIdle(): Promise<boolean> {
  const before = machineBusySeconds();
  await pause(OBSERVATION);
  const after = machineBusySeconds();
  return before === null || after === null || (after - before) / (OBSERVATION / 1000) <= DISTURBED;
}

function foreign(sample: Sample): number {
  return sample.foreignShare ?? 0;
}
