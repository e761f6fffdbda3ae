import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { type AddressInfo, connect, createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { endProcess, lineReader, pinned } from "./processes.ts";

// Another process may take a port between our look for it and the server's.
const ATTEMPTS = 5;

// It listens within this time, or has failed.
const TRIES = 200;
const TRY_MS = 20;

// Redis ends when our end of its standard input is closed, however the benchmark ends. The first line is its process id.
const SCRIPT = `exec 3<&0; "$@" </dev/null >/dev/null 2>&1 & echo $!; cat <&3 >/dev/null; kill -9 $! 2>/dev/null; wait`;

/** A `redis-server` of its own, on a free port. It keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  readonly pid: number;
  readonly #shell: ChildProcess;

  private constructor(shell: ChildProcess, pid: number, port: number) {
    this.#shell = shell;
    this.pid = pid;
    this.port = port;
  }

  /**
   * Starts one and waits until it listens.
   *
   * @throws Error - if there is no redis-server on this machine, or it does not listen
   */
  static async start(core: 0 | 1 = 0): Promise<RedisServer> {
    if (spawnSync("redis-server", ["--version"]).status !== 0) throw new Error("there is no redis-server");
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const server = await RedisServer.#launch(core, await freePort());
      if (await server.#listens()) return server;
      await server.stop();
    }
    throw new Error("redis-server does not listen");
  }

  static async #launch(core: 0 | 1, port: number): Promise<RedisServer> {
    const options = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      "/tmp",
    ];
    const { file, args } = pinned(core, ["redis-server", ...options]);
    const shell = spawn("sh", ["-c", SCRIPT, "sh", file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const pid = Number(await lineReader(shell)());
    return new RedisServer(shell, pid, port);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const closed = once(this.#shell, "close");
    this.#shell.stdin?.end();
    await closed;
    await endProcess(this.#shell);
  }

  async #listens(): Promise<boolean> {
    for (let n = 0; n < TRIES; n++) {
      if (await accepts(this.port)) return true;
      await pause(TRY_MS);
    }
    return false;
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  const accepted = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  return accepted;
}
