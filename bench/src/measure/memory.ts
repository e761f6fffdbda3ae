import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "../load/job.ts";
import type { LoadProcess, ServerProcess } from "./processes.ts";

/** Resident memory of a server per idle connection, in bytes. */
export interface MemorySample {
  readonly connections: number;
  /** A second after the last of them opened, nothing done about it. */
  readonly asItIs: number;
  /** After garbage collections: what the connections really hold. */
  readonly collected: number;
}

const SETTLE = 1000;

// What a server sets up for its first connections, once, is not charged to the others.
const FIRST_CONNECTIONS = 200;

/** Opens a job's connections, leaves them alone, and weighs the server before and after. */
export async function idleMemory(server: ServerProcess, load: LoadProcess, job: Job): Promise<MemorySample> {
  await load.hold({ ...job, connections: FIRST_CONNECTIONS });
  await load.release();
  await collect(server);
  const before = residentBytes(server.pid);
  await load.hold(job);
  await pause(SETTLE);
  const asItIs = residentBytes(server.pid);
  await collect(server);
  const collected = residentBytes(server.pid);
  await load.release();
  const each = (after: number): number => (after - before) / job.connections;
  return { connections: job.connections, asItIs: each(asItIs), collected: each(collected) };
}

/** Twice, with time between: what finalizers free, and pages that go back to the system a little later. */
async function collect(server: ServerProcess): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await server.collectGarbage();
    await pause(SETTLE / 2);
  }
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`the resident memory of process ${pid} is not known`);
  return Number(kilobytes) * 1024;
}
