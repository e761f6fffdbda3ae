import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "../load/job.ts";
import { echoServerOf } from "../peers.ts";
import { type Work, loadOf } from "../work.ts";
import { idleClientMemory } from "./memory.ts";
import { LoadProcess, ServerProcess } from "./processes.ts";
import { RedisServer } from "./redis-server.ts";
import { type Entry, type RunSettings, attempt, roundsOf } from "./rounds.ts";

// Milliseconds after a run: its connections are closed.
const SETTLE = 100;

/** What the measured processes talk to. It is on the other core. */
type Answering = Pick<ServerProcess, "port" | "pid" | "stop">;

function startServer(work: Work, entries: readonly Entry[]): Promise<Answering> {
  if (work.side === "append") return RedisServer.start(1);
  return ServerProcess.start(echoServerOf(entries.map(({ peer }) => peer)), "/echo", 1);
}

/**
 * Measures one workload of client libraries. Each has a process of its own on core 0, and all of them the same echo server, on core 1; or
 * the same Redis, for servers that store messages.
 * They get their runs one after the other, as servers do.
 */
export async function measureClients(work: Work, entries: readonly Entry[], settings: RunSettings): Promise<void> {
  const server = await startServer(work, entries);
  try {
    if (work.kind === "idle") await measureMemory(work, entries, server, settings);
    else await measureLoad(work, entries, server, settings);
  } finally {
    await server.stop();
  }
}

async function measureLoad(
  work: Work,
  entries: readonly Entry[],
  server: Answering,
  { timing, patience, onStep }: RunSettings,
): Promise<void> {
  const clients = new Map(entries.map((entry) => [entry, new LoadProcess(entry.peer)]));
  try {
    // Round 0 does not count.
    for (let round = 0; round <= timing.rounds; round++) {
      for (const [entry, process] of clients) {
        if (entry.failed !== undefined) continue;
        onStep(work, entry.peer, round);
        const job = jobOf(work, server, timing.warmup, round === 0 ? timing.compile : timing.seconds);
        await attempt(entry, async () => {
          if (round === 0) await process.run(job);
          else entry.samples.push(await patience.undisturbed(() => process.run(job)));
        });
        await pause(SETTLE);
      }
    }
  } finally {
    await Promise.all([...clients.values()].map((process) => process.stop()));
  }
}

async function measureMemory(
  work: Work,
  entries: readonly Entry[],
  server: Answering,
  { timing, onStep }: RunSettings,
): Promise<void> {
  for (let round = 1; round <= roundsOf(work, timing); round++) {
    for (const entry of entries) {
      if (entry.failed !== undefined) continue;
      onStep(work, entry.peer, round);
      const clients = new LoadProcess(entry.peer);
      try {
        await attempt(entry, async () => {
          entry.memory.push(await idleClientMemory(clients, jobOf(work, server, 0, 0)));
        });
      } finally {
        await clients.stop();
      }
    }
  }
}

function jobOf(work: Work, server: Answering, warmup: number, seconds: number): Job {
  const spoken = { dialect: "plain", route: "/echo", compressed: false } as const;
  return { ...loadOf(work), ...spoken, port: server.port, serverPids: [server.pid], warmup, seconds };
}
