import { performance } from "node:perf_hooks";
import { cpuSeconds, machineBusySeconds } from "./cpu.ts";
import type { Job, Latency, Sample } from "./job.ts";

/** All clocks at one moment. */
interface Reading {
  readonly at: number;
  readonly count: number;
  readonly server: number | null;
  readonly broker: number | null;
  readonly load: number;
  readonly machine: number | null;
}

/** Counts the messages of a run, and measures the CPU time of its measured part. */
export class Meter {
  /** The messages so far. The run adds to it. */
  count = 0;
  readonly #serverPids: readonly number[];
  readonly #brokerPid: number | undefined;
  #start: Reading | undefined;

  constructor(job: Job) {
    this.#serverPids = job.serverPids;
    this.#brokerPid = job.brokerPid;
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
    const broker = difference(end.broker, start.broker);
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
      ...(this.#brokerPid !== undefined && broker !== null && { brokerMicros: (broker / count) * 1e6 }),
      ...(latency && { latency }),
    };
  }

  #reading(): Reading {
    const { user, system } = process.cpuUsage();
    const broker = this.#brokerPid === undefined ? 0 : cpuSeconds(this.#brokerPid);
    const server = [broker, ...this.#serverPids.map(cpuSeconds)].reduce(sum);
    return {
      at: performance.now(),
      count: this.count,
      server,
      broker,
      load: (user + system) / 1e6,
      machine: machineBusySeconds(),
    };
  }
}

function difference(end: number | null, start: number | null): number | null {
  return end === null || start === null ? null : end - start;
}

function sum(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}
