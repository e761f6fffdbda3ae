import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePort } from "../ports.ts";

// A test may leave fake timers.
const { setTimeout } = globalThis;

/** Another process may take a port between our look for it and the server's. */
const ATTEMPTS = 5;

/** A `redis-server` on a port of 127.0.0.1, with a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #path: string;
  readonly #args: readonly string[];
  readonly #master: number | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "hawser-redis-"));
  #child: ChildProcess | undefined;

  private constructor(path: string, port: number, args: readonly string[], master?: number) {
    this.#path = path;
    this.port = port;
    this.#args = args;
    this.#master = master;
  }

  /** Starts one. Without other arguments it keeps nothing on disk. */
  static async start(path: string, args: readonly string[] = []): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const server = await RedisServer.prepare(path, args);
      const complaint = await server.run();
      if (complaint === undefined) return server;
      await server.end();
      if (attempt === ATTEMPTS) throw new Error(complaint);
    }
  }

  /** Starts a sentinel that watches the master on a port, by the name "main". */
  static async sentinel(path: string, master: number): Promise<RedisServer> {
    const sentinel = new RedisServer(path, await freePort(), [], master);
    const complaint = await sentinel.run();
    if (complaint !== undefined) throw new Error(complaint);
    return sentinel;
  }

  /** Finds a port for one that does not run yet. */
  static async prepare(path: string, args: readonly string[] = []): Promise<RedisServer> {
    return new RedisServer(path, await freePort(), args);
  }

  /** Runs it, for the first time or again with what it has kept. Returns what it says if it ends before it listens. */
  async run(): Promise<string | undefined> {
    const child = spawn(this.#path, this.#arguments(), { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    const closed = once(child, "close").then(() => true);
    while (!(await Promise.race([accepts(this.port), closed.then(() => false)])))
      if (child.exitCode !== null || child.signalCode !== null) return said;
      else await new Promise((resolve) => setTimeout(resolve, 10));
    return undefined;
  }

  #arguments(): string[] {
    const fixed = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder];
    if (this.#master === undefined) return [...fixed, "--save", "", ...this.#args];
    // A sentinel writes into its configuration.
    const file = join(this.#folder, "sentinel.conf");
    const lines = [`monitor main 127.0.0.1 ${this.#master} 1`, "down-after-milliseconds main 500"];
    writeFileSync(file, lines.map((line) => `sentinel ${line}\n`).join(""));
    return [file, "--sentinel", ...fixed];
  }

  /** Ends it, as a crash would. What it has kept stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  /** Lets it stand still: its connections stay open, and it does not answer. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** It goes on. */
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Ends it, and removes its folder. */
  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
