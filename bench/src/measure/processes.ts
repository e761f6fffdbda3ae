import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Command, Job, Report, Sample } from "../load/job.ts";
import { bunExecutable } from "../peers.ts";
import type { Peer } from "../peers.ts";

/** The folder of the compiled scripts. They run without a loader. */
export const scripts = resolve(import.meta.dirname, "../../dist");

// A server that does not listen after this many milliseconds has failed.
const START_TIMEOUT = 10_000;

/** Whether processes can be bound to cores on this system. */
export const canPin = availableParallelism() >= 2 && spawnSync("taskset", ["--version"]).status === 0;

/** A command that runs on one core: servers on core 0, the load generator on core 1. */
export function pinned(core: 0 | 1, command: readonly string[]): { file: string; args: string[] } {
  const whole = canPin ? ["taskset", "-c", String(core), ...command] : command;
  return { file: whole[0]!, args: whole.slice(1) };
}

/** A server in a process of its own. */
export class ServerProcess {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #nextLine: () => Promise<string>;

  private constructor(child: ChildProcess, nextLine: () => Promise<string>, port: number) {
    this.#child = child;
    this.#nextLine = nextLine;
    this.port = port;
    // taskset replaces itself by the server (exec), so both have the same process id.
    this.pid = child.pid!;
  }

  /**
   * Starts a peer's server and waits until it listens.
   *
   * @throws Error - if it ends, or does not answer
   */
  static async start(peer: Peer, route: string, core: 0 | 1 = 0): Promise<ServerProcess> {
    const runtime = peer.runtime === "bun" ? bunExecutable() : (peer.node ?? process.execPath);
    if (runtime === undefined) throw new Error("npm has no Bun for this platform");
    const script = resolve(scripts, "servers", peer.script);
    const { file, args } = pinned(core, [runtime, script, route, ...(peer.options ?? [])]);
    const env = { ...process.env, ...peer.environment };
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], env });
    const nextLine = lineReader(child);
    try {
      const line = await nextLine();
      const port = Number(/^listening (\d+)$/.exec(line)?.[1]);
      if (!(port > 0)) throw new Error(`${peer.id} printed "${line}" instead of its port`);
      return new ServerProcess(child, nextLine, port);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`the server of ${peer.id} did not start`, { cause: error });
    }
  }

  /** Makes the server collect its garbage, and waits for it. */
  async collectGarbage(): Promise<void> {
    this.#child.stdin?.write("c");
    await this.#nextLine();
  }

  /** Ends the process and waits for its end. */
  stop(): Promise<void> {
    return endProcess(this.#child);
  }
}

/** Returns a function that reads the next line of a child's standard output. */
export function lineReader(child: ChildProcess): () => Promise<string> {
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const next = waiting.shift();
    if (next) next(line);
    else lines.push(line);
  });
  return () =>
    new Promise((resolve, reject) => {
      const line = lines.shift();
      if (line !== undefined) return resolve(line);
      const timer = setTimeout(() => reject(new Error("it does not answer")), START_TIMEOUT);
      child.once("exit", (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
      child.once("error", reject);
      waiting.push((text) => {
        clearTimeout(timer);
        resolve(text);
      });
    });
}

/** Ends a child and waits for its end. */
export function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** A process that makes connections: the load generator, or clients that are measured. It does one job at a time. */
export class LoadProcess {
  readonly #child: ChildProcess;

  /** @param clients - the clients that are measured, on the core of the servers. Without it, the load generator */
  constructor(clients?: Peer) {
    const { file, args } =
      clients === undefined
        ? pinned(1, [process.execPath, resolve(scripts, "load/main.js")])
        : pinned(0, [clients.node ?? process.execPath, resolve(scripts, clients.script), ...(clients.options ?? [])]);
    const env = { ...process.env, ...clients?.environment };
    this.#child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs a job. */
  async run(job: Job): Promise<Sample> {
    const report = await this.#ask({ run: job });
    if (!("sample" in report)) throw new Error("the load generator sent a wrong answer");
    return report.sample;
  }

  /** Opens idle connections, and leaves them open until {@link release}. */
  async hold(job: Job): Promise<void> {
    await this.#ask({ hold: job });
  }

  /** Exchanges this many messages on each of the idle connections. */
  async exchange(messages: number): Promise<void> {
    await this.#ask({ exchange: messages });
  }

  /** Collects the garbage of clients that are measured. */
  async collect(): Promise<void> {
    await this.#ask({ collect: true });
  }

  /** Resets the idle connections. */
  async release(): Promise<void> {
    await this.#ask({ release: true });
  }

  /** Ends the process and waits for its end. */
  stop(): Promise<void> {
    return endProcess(this.#child);
  }

  #ask(command: Command): Promise<Report> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("the load generator ended"));
      child.once("exit", onExit);
      child.once("message", (report: Report) => {
        child.off("exit", onExit);
        if ("failed" in report) reject(new Error(report.failed));
        else resolve(report);
      });
      child.send(command);
    });
  }
}
