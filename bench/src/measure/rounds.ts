import { setTimeout as pause } from "node:timers/promises";
import type { Job, Sample } from "../load/job.ts";
import type { Peer } from "../peers.ts";
import type { Work } from "../work.ts";
import { idleMemory } from "./memory.ts";
import type { MemorySample } from "./memory.ts";
import type { Patience } from "./patience.ts";
import { LoadProcess, ServerProcess } from "./processes.ts";

/** How long and how often. */
export interface Pace {
  readonly rounds: number;
  /** Seconds measured per run. */
  readonly seconds: number;
  /** Seconds of load before each measured part. */
  readonly warmup: number;
  /** Seconds of load before the first round, for each server: its code gets compiled meanwhile. */
  readonly compile: number;
  /** Seconds spent on waiting for a quiet machine and on repeating runs that others disturbed, in all, at most. */
  readonly patience: number;
}

/** How a whole benchmark is done. */
export interface Conduct {
  readonly pace: Pace;
  readonly patience: Patience;
  readonly onStep: OnStep;
}

/** What one server did at one work: a sample per round, or why it has none. */
export interface Entry {
  readonly peer: Peer;
  readonly samples: Sample[];
  readonly memory: MemorySample[];
  failed?: string;
}

/** Told before each run, for the progress bar. */
export type OnStep = (work: Pick<Work, "id" | "title">, peer: Peer, round: number) => void;

// Sockets that were reset are closed by the server in its next turns.
const SETTLE = 50;

/** Memory differs little from round to round, and each of its rounds is long. */
const MEMORY_ROUNDS = 3;

/** The number of rounds a work gets. */
export function roundsOf(work: Work, pace: Pace): number {
  return work.kind === "idle" ? Math.min(MEMORY_ROUNDS, pace.rounds) : pace.rounds;
}

/**
 * Measures one work: all servers are up, idle ones cost nothing, and the load goes from one to the next, round after
 * round (A B C A B C ...).
 */
export async function measure(work: Work, peers: readonly Peer[], conduct: Conduct): Promise<Entry[]> {
  const entries = peers.filter((peer) => peer.serves(work)).map((peer): Entry => ({ peer, samples: [], memory: [] }));
  if (work.kind === "idle") await measureMemory(work, entries, conduct);
  else await measureLoad(work, entries, conduct);
  return entries;
}

async function measureLoad(work: Work, entries: readonly Entry[], conduct: Conduct): Promise<void> {
  const { pace, patience, onStep } = conduct;
  const servers = new Map<Entry, ServerProcess>();
  const load = new LoadProcess();
  try {
    for (const entry of entries) {
      await attempt(entry, async () => {
        servers.set(entry, await ServerProcess.start(entry.peer, routeOf(work, entry.peer)));
      });
    }
    // Round 0 is not counted.
    for (let round = 0; round <= pace.rounds; round++) {
      for (const [entry, server] of servers) {
        if (entry.failed !== undefined) continue;
        onStep(work, entry.peer, round);
        const seconds = round === 0 ? pace.compile : pace.seconds;
        await attempt(entry, async () => {
          const job = jobOf(work, entry.peer, server, pace.warmup, seconds);
          if (round === 0) await load.run(job);
          else entry.samples.push(await patience.undisturbed(() => load.run(job)));
        });
        await pause(SETTLE);
      }
    }
  } finally {
    await Promise.all([load.stop(), ...[...servers.values()].map((server) => server.stop())]);
  }
}

/** Memory: a fresh server each time, since a process seldom gives back what it had. */
async function measureMemory(work: Work, entries: readonly Entry[], conduct: Conduct): Promise<void> {
  const { pace, onStep } = conduct;
  for (let round = 1; round <= roundsOf(work, pace); round++) {
    for (const entry of entries) {
      if (entry.failed !== undefined) continue;
      onStep(work, entry.peer, round);
      const load = new LoadProcess();
      let server: ServerProcess | undefined;
      try {
        await attempt(entry, async () => {
          server = await ServerProcess.start(entry.peer, routeOf(work, entry.peer));
          entry.memory.push(await idleMemory(server, load, jobOf(work, entry.peer, server, 0, 0)));
        });
      } finally {
        await Promise.all([load.stop(), server?.stop()]);
      }
    }
  }
}

/** A server that fails is out of this work, and the report says why; the others go on. */
export async function attempt(entry: Pick<Entry, "failed">, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    entry.failed = (error instanceof Error ? error.message : String(error)) + cause;
  }
}

function routeOf(work: Work, peer: Peer): string {
  if (work.kind === "fan") return peer.fanRoute ?? "/fan";
  return work.format === "json" ? "/json" : "/echo";
}

function jobOf(work: Work, peer: Peer, server: ServerProcess, warmup: number, seconds: number): Job {
  const { kind, format, connections, size, depth, rate } = work;
  const { dialect } = peer;
  const { port, pid: serverPid } = server;
  return {
    kind,
    port,
    serverPid,
    dialect,
    route: routeOf(work, peer),
    format,
    connections,
    size,
    depth,
    rate,
    warmup,
    seconds,
  };
}
