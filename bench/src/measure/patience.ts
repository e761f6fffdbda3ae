import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { machineBusySeconds } from "../load/cpu.ts";
import type { Sample } from "../load/job.ts";

// Of a core: more than this spent by others, and a run says little about throughput.
const DISTURBED = 0.15;

// How long a look at the machine takes, in milliseconds: /proc/stat counts hundredths of a second.
const GLANCE = 500;

/** Whether something else on the machine took more than a little of it during a run. */
export function isDisturbed(sample: Sample): boolean {
  return foreign(sample) > DISTURBED;
}

/** Waits for a quiet machine, and repeats runs that were disturbed, until its time is used up. */
export class Patience {
  #left: number;

  /**
   * @param seconds - how long it waits and repeats, in all
   */
  constructor(seconds: number) {
    this.#left = seconds * 1000;
  }

  /**
   * Runs something until a run was not disturbed.
   *
   * @returns that run's sample, or that of the least disturbed one
   */
  async undisturbed(run: () => Promise<Sample>): Promise<Sample> {
    let best = await run();
    while (isDisturbed(best) && this.#left > 0) {
      const begin = performance.now();
      if (await isQuiet()) {
        const again = await run();
        if (foreign(again) < foreign(best)) best = again;
      }
      this.#left -= performance.now() - begin;
    }
    return best;
  }
}

/** Whether nobody does much right now; nothing of ours runs meanwhile. */
async function isQuiet(): Promise<boolean> {
  const before = machineBusySeconds();
  await pause(GLANCE);
  const after = machineBusySeconds();
  return before === null || after === null || (after - before) / (GLANCE / 1000) <= DISTURBED;
}

function foreign(sample: Sample): number {
  return sample.foreignShare ?? 0;
}
