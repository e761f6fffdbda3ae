import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "../load/job.ts";
import type { LoadProcess, ServerProcess } from "./processes.ts";

/** Resident memory of a server per idle connection, in bytes. */
export interface MemorySample {
  readonly connections: number;
  /** One second after the last connection was opened and its messages were answered, without a garbage collection. */
  readonly asItIs: number;
  /** After garbage collections. */
  readonly collected: number;
}

const SETTLE = 1000;

// These are opened and closed first, so that memory that a server reserves once does not count. If messages are exchanged, these
// connections exchange more: the heap of a server grows with its traffic.
const FIRST_CONNECTIONS = 200;
const TIMES_FIRST_MESSAGES = 5;

/** Opens the connections of a job, and measures the memory of the server before and after. */
export async function idleMemory(server: ServerProcess, load: LoadProcess, job: Job): Promise<MemorySample> {
  const messages = job.messages * TIMES_FIRST_MESSAGES;
  await load.hold({ ...job, connections: FIRST_CONNECTIONS, messages });
  await load.release();
  await collect(server);
  const before = residentBytes(server.pid);
  await load.hold(job);
  await pause(SETTLE);
  const asItIs = residentBytes(server.pid);
  await collect(server);
  const collected = residentBytes(server.pid);
  await load.release();
  const perConnection = (after: number): number => (after - before) / job.connections;
  return { connections: job.connections, asItIs: perConnection(asItIs), collected: perConnection(collected) };
}

/** Opens the connections of a job in a process with clients, and measures its memory before and after. */
export async function idleClientMemory(clients: LoadProcess, job: Job): Promise<MemorySample> {
  await clients.hold({ ...job, connections: FIRST_CONNECTIONS });
  await collectIn(clients);
  const before = residentBytes(clients.pid);
  await clients.hold(job);
  await pause(SETTLE);
  const asItIs = residentBytes(clients.pid);
  await collectIn(clients);
  const collected = residentBytes(clients.pid);
  const perConnection = (after: number): number => (after - before) / job.connections;
  return { connections: job.connections, asItIs: perConnection(asItIs), collected: perConnection(collected) };
}

async function collectIn(clients: LoadProcess): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await clients.collect();
    await pause(SETTLE / 2);
  }
}

/** Collects garbage twice, with a pause: finalizers free memory later, and pages are returned to the system later. */
export async function collect(server: ServerProcess): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await server.collectGarbage();
    await pause(SETTLE / 2);
  }
}

/** The resident memory of a process. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`the resident memory of process ${pid} is not known`);
  return Number(kilobytes) * 1024;
}
