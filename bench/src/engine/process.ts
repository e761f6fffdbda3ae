import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { ended, pinned, scripts } from "../measure/processes.ts";
import type { Peer } from "../peers.ts";
import type { EngineReport, EngineTask } from "./main.ts";
import type { EngineSample } from "./measure.ts";
import type { EngineWork } from "./work.ts";

// glibc gives memory back to the system and takes it again as it happens to lie: with a buffer of 64 KiB for each message
// that was up to two thirds of the CPU time, in some processes and not in others. Other allocators do not read these.
const KEEP_MEMORY = {
  MALLOC_TRIM_THRESHOLD_: String(256 * 1024 * 1024),
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
};

/** One side at one work, in a process of its own, on the core the servers have. */
export class EngineProcess {
  readonly #child: ChildProcess;

  constructor(peer: Peer, work: EngineWork) {
    const { file, rest } = pinned(0, [process.execPath, `${scripts}/engine/main.js`, peer.engine ?? "", work.id]);
    const env = { ...process.env, ...KEEP_MEMORY, ...peer.environment };
    this.#child = spawn(file, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"], env });
  }

  /** Compares what the side makes of the work with what is right. */
  async check(): Promise<void> {
    await this.#ask("check");
  }

  /** Has the side's code compiled. */
  async warmUp(): Promise<void> {
    await this.#ask("warm up");
  }

  /** Measures one part of a round. */
  async measure(): Promise<EngineSample> {
    const report = await this.#ask("measure");
    if (!("sample" in report)) throw new Error("it answered something else");
    return report.sample;
  }

  /** Ends the process and waits for its end. */
  stop(): Promise<void> {
    return ended(this.#child);
  }

  #ask(task: EngineTask): Promise<EngineReport> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("its process ended"));
      child.once("exit", onExit);
      child.once("message", (report: EngineReport) => {
        child.off("exit", onExit);
        if ("failed" in report) reject(new Error(report.failed));
        else resolve(report);
      });
      child.send(task);
    });
  }
}
