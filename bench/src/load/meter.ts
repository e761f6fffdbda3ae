import { performance } from "node:perf_hooks";
import { cpuSeconds, machineBusySeconds } from "./cpu.ts";
import type { Job, Latency, Sample } from "./job.ts";

/** All clocks at one moment. */
interface Reading {
  readonly at: number;
  readonly count: number;
  readonly server: number | null;
  readonly load: number;
  readonly machine: number | null;
}

/** Counts the messages of a run, and measures the CPU time of its measured part. */
export class Meter {
  /** The messages so far. The run adds to it. */
  count = 0;
  readonly #serverPid: number;
  #start: Reading | undefined;

  constructor(job: Job) {
    this.#serverPid = job.serverPid;
  }

  /** Starts the measured part. */
  start(): void {
    this.#start = this.#reading();
  }

  /**
   * Ends the measured part.
   *
   * @param bytesPerMessage - for the megabytes per second
   * @param latency - the latency, if the run measured it
   */
  stop(bytesPerMessage: number, latency?: Latency): Sample {
    const start = this.#start;
    if (!start) throw new Error("the meter was never started");
    const end = this.#reading();
    const seconds = (end.at - start.at) / 1000;
    const count = end.count - start.count;
    if (count === 0) throw new Error("there was no answer in the measured time");
    const server = difference(end.server, start.server);
    const load = end.load - start.load;
    const machine = difference(end.machine, start.machine);
    return {
      count,
      seconds,
      perSecond: count / seconds,
      megabytesPerSecond: (count * bytesPerMessage) / seconds / 1e6,
      serverMicros: server === null ? null : (server / count) * 1e6,
      loadMicros: (load / count) * 1e6,
      serverShare: server === null ? null : server / seconds,
      loadShare: load / seconds,
      foreignShare: machine === null || server === null ? null : Math.max(0, (machine - server - load) / seconds),
      ...(latency && { latency }),
    };
  }

  #reading(): Reading {
    const { user, system } = process.cpuUsage();
    return {
      at: performance.now(),
      count: this.count,
      server: cpuSeconds(this.#serverPid),
      load: (user + system) / 1e6,
      machine: machineBusySeconds(),
    };
  }
}

function difference(end: number | null, start: number | null): number | null {
  return end === null || start === null ? null : end - start;
}
