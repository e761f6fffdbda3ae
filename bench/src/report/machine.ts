import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { canPin } from "../measure/processes.ts";
import type { NodeRuntime } from "../node.ts";
import { MEASURED_PACKAGES } from "../peers.ts";
import type { Result } from "./summary.ts";

/** The machine and the versions of a result. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** The Node of the servers. */
  readonly node: string;
  /** The Node of the load generator. Without it, the same. */
  readonly loadNode?: string;
  /** Whether the server ran on core 0 and the load generator on core 1. */
  readonly pinned: boolean;
  /** The average load in the minute before the run. */
  readonly loadBefore: number;
  readonly versions: Readonly<Record<string, string>>;
}

const bench = resolve(import.meta.dirname, "../..");

/**
 * Describes the machine. Must be called before the load starts.
 *
 * @param node - that of the servers
 */
export function describeMachine(node: NodeRuntime): Machine {
  const versions = MEASURED_PACKAGES.map((name) => [name, versionIn(resolve(bench, "node_modules", name))] as const);
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: node.version,
    ...(node.version !== process.version && { loadNode: process.version }),
    pinned: canPin,
    loadBefore: Math.round(loadavg()[0]! * 100) / 100,
    versions: { hawser: versionIn(resolve(bench, "..")), ...Object.fromEntries(versions) },
  };
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(resolve(folder, "package.json"), "utf8")) as { version: string }).version;
}

/** Warnings about the circumstances of a run, as sentences. */
export function disturbances(result: Result): string[] {
  const rows = result.works.flatMap((work) => work.rows);
  const rounds = rows.reduce((sum, row) => sum + row.samples.length, 0);
  const disturbed = rows.reduce((sum, row) => sum + row.disturbedRounds, 0);
  const warnings: string[] = [];
  if (disturbed > 0) {
    warnings.push(
      `Other processes used the machine in ${disturbed} of ${rounds} runs: CPU per message is more reliable than messages per second.`,
    );
  }
  if (!result.machine.pinned)
    warnings.push("There is no taskset on this system: server and load generator were not bound to cores.");
  return warnings;
}
