import { setTimeout as pause } from "node:timers/promises";
import type { Job, Sample } from "../load/job.ts";
import type { Peer } from "../peers.ts";
import { type Work, loadOf } from "../work.ts";
import { measureClients } from "./clients.ts";
import { idleMemory } from "./memory.ts";
import type { MemorySample } from "./memory.ts";
import type { Patience } from "./patience.ts";
import { startJoined } from "./joined.ts";
import { LoadProcess, ServerProcess } from "./processes.ts";

/** The number and the length of runs. */
export interface Timing {
  readonly rounds: number;
  /** Seconds measured per run. */
  readonly seconds: number;
  /** Seconds of load before each measured part. */
  readonly warmup: number;
  /** Seconds of load before the first round, for each server: its code gets compiled then. */
  readonly compile: number;
  /** The maximum number of seconds in all to wait for an idle machine and to repeat disturbed runs. */
  readonly patience: number;
}

/** The settings of a whole benchmark. */
export interface RunSettings {
  readonly timing: Timing;
  readonly patience: Patience;
  readonly onStep: OnStep;
}

/** The results of one server with one workload: a sample per round, or the reason why there is none. */
export interface Entry {
  readonly peer: Peer;
  readonly samples: Sample[];
  readonly memory: MemorySample[];
  failed?: string;
}

/** Is called before each run, for the progress bar. */
export type OnStep = (work: Pick<Work, "id" | "title">, peer: Peer, round: number) => void;

// Milliseconds after a run: the server closes the sockets that were reset in its next turns.
const SETTLE = 50;

/** The maximum number of rounds for memory. It differs little from round to round, and each round is long. */
const MEMORY_ROUNDS = 3;

/** The number of rounds of a workload. */
export function roundsOf(work: Work, timing: Timing): number {
  return work.kind === "idle" ? Math.min(MEMORY_ROUNDS, timing.rounds) : timing.rounds;
}

/**
 * Measures one workload. All servers run at the same time, and idle ones use no CPU time. In each round the servers get the
 * load one after the other (A B C A B C ...).
 */
export async function measure(work: Work, peers: readonly Peer[], settings: RunSettings): Promise<Entry[]> {
  const entries = peers.filter((peer) => peer.serves(work)).map((peer): Entry => ({ peer, samples: [], memory: [] }));
  if (work.side === "client" || work.side === "append") await measureClients(work, entries, settings);
  else if (work.side === "joined")
    await measureLoad(work, entries, settings, (entry) => startJoined(entry.peer, routeOf(work, entry.peer)));
  else if (work.kind === "idle") await measureMemory(work, entries, settings);
  else await measureLoad(work, entries, settings, (entry) => startOne(work, entry.peer));
  return entries;
}

/** What answers the load of one peer. */
export interface Site {
  /** The processes whose CPU time counts, and their ports. */
  readonly job: Pick<Job, "port" | "secondPort" | "serverPids" | "brokerPid">;
  stop(): Promise<void>;
}

async function startOne(work: Work, peer: Peer): Promise<Site> {
  const server = await ServerProcess.start(peer, routeOf(work, peer));
  return { job: { port: server.port, serverPids: [server.pid] }, stop: () => server.stop() };
}

async function measureLoad(
  work: Work,
  entries: readonly Entry[],
  { timing, patience, onStep }: RunSettings,
  start: (entry: Entry) => Promise<Site>,
): Promise<void> {
  const servers = new Map<Entry, Site>();
  const load = new LoadProcess();
  try {
    for (const entry of entries) {
      await attempt(entry, async () => {
        servers.set(entry, await start(entry));
      });
    }
    // Round 0 does not count.
    for (let round = 0; round <= timing.rounds; round++) {
      for (const [entry, server] of servers) {
        if (entry.failed !== undefined) continue;
        onStep(work, entry.peer, round);
        const seconds = round === 0 ? timing.compile : timing.seconds;
        await attempt(entry, async () => {
          const job = jobOf(work, entry.peer, server.job, { warmup: timing.warmup, seconds });
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

/** Measures memory. Each round has a new server, because a process rarely returns memory to the system. */
async function measureMemory(work: Work, entries: readonly Entry[], settings: RunSettings): Promise<void> {
  const { timing, onStep } = settings;
  for (let round = 1; round <= roundsOf(work, timing); round++) {
    for (const entry of entries) {
      if (entry.failed !== undefined) continue;
      onStep(work, entry.peer, round);
      const load = new LoadProcess();
      let server: ServerProcess | undefined;
      try {
        await attempt(entry, async () => {
          server = await ServerProcess.start(entry.peer, routeOf(work, entry.peer));
          const { port, pid } = server;
          const job = jobOf(work, entry.peer, { port, serverPids: [pid] }, { warmup: 0, seconds: 0 });
          entry.memory.push(await idleMemory(server, load, job));
        });
      } finally {
        await Promise.all([load.stop(), server?.stop()]);
      }
    }
  }
}

/** Runs an action. If it fails, the server gets no more runs with this workload, and the report has the reason. */
export async function attempt(entry: Pick<Entry, "failed">, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    entry.failed = (error instanceof Error ? error.message : String(error)) + cause;
  }
}

function routeOf(work: Work, peer: Peer): string {
  if (work.kind === "fan" || work.side === "joined") return peer.fanRoute ?? "/fan";
  if (work.kind === "groups") return "/groups";
  return work.format === "json" ? "/json" : "/echo";
}

/** The job of a server: its frames, its path, and whether they are compressed. */
function jobOf(work: Work, peer: Peer, server: Site["job"], timing: Pick<Job, "warmup" | "seconds">): Job {
  const spoken = { dialect: peer.dialect, route: routeOf(work, peer), compressed: peer.compressed === true };
  return { ...loadOf(work), ...spoken, ...server, ...timing };
}
