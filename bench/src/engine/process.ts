import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { endProcess, pinned, scripts } from "../measure/processes.ts";
import type { Peer } from "../peers.ts";
import type { EngineReport, EngineTask } from "./main.ts";
import type { EngineSample } from "./measure.ts";
import type { EngineWork } from "./work.ts";

// These settings make glibc keep its memory. By default it returns memory to the system and reserves it again, in some
// processes more than in others: with 64 KiB per message that was up to two thirds of the CPU time. Other allocators ignore them.
const KEEP_MEMORY = {
  MALLOC_TRIM_THRESHOLD_: String(256 * 1024 * 1024),
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
};

/** One engine and one workload, in a process of their own, on the core of the servers. */
export class EngineProcess {
  readonly #child: ChildProcess;

  constructor(peer: Peer, work: EngineWork) {
    const { file, args } = pinned(0, [
      peer.node ?? process.execPath,
      `${scripts}/engine/main.js`,
      peer.engine ?? "",
      work.id,
    ]);
    const env = { ...process.env, ...KEEP_MEMORY, ...peer.environment };
    this.#child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env });
  }

  /** Checks the results of the engine. */
  async check(): Promise<void> {
    await this.#ask("check");
  }

  /** Runs the engine until its code is compiled. */
  async warmUp(): Promise<void> {
    await this.#ask("warm up");
  }

  /** Measures one part of a round. */
  async measure(): Promise<EngineSample> {
    const report = await this.#ask("measure");
    if (!("sample" in report)) throw new Error("the process sent a wrong answer");
    return report.sample;
  }

  /** Ends the process and waits for its end. */
  stop(): Promise<void> {
    return endProcess(this.#child);
  }

  #ask(task: EngineTask): Promise<EngineReport> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("the process ended"));
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
