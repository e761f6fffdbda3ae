import { execFileSync } from "node:child_process";
import { circumstances } from "../machine.ts";
import { type ChaosRecord, type Outcome, type Row, type RowRecord, type Scale, check } from "./record.ts";
import { redisPath } from "./rig.ts";
import { rows } from "./rows.ts";

/** The whole size: what the table of failures asks for. */
export const FULL: Scale = {
  isShort: false,
  nodes: 4,
  topics: 200,
  clients: 500,
  publishers: 8,
  rate: 25,
  slowSeconds: 600,
};

/** A small size. */
export const SHORT: Scale = {
  isShort: true,
  nodes: 2,
  topics: 24,
  clients: 40,
  publishers: 4,
  rate: 25,
  slowSeconds: 60,
};

/** What a run does. */
export interface ChaosPlan {
  readonly scale: Scale;
  /** The rows; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** Is called with each row. */
  readonly onRow?: (row: RowRecord) => void;
}

/**
 * Lets one part fail after the other, under traffic, and compares what was published with what has come.
 *
 * @throws Error - for a row that does not exist
 */
export async function runChaos({ scale, only, onRow }: ChaosPlan): Promise<ChaosRecord> {
  const unknown = only?.filter((name) => !rows.some((row) => row.name === name)) ?? [];
  if (unknown.length > 0)
    throw new Error(`there is no row ${unknown.join(", ")}; there are ${rows.map(({ name }) => name).join(", ")}`);
  const where = circumstances();
  const redis = execFileSync(redisPath(), ["--version"], { encoding: "utf8" });
  const start = performance.now();
  const done: RowRecord[] = [];
  for (const row of rows) {
    if (only !== undefined && !only.includes(row.name)) continue;
    const record = await runRow(row, scale);
    done.push(record);
    onRow?.(record);
  }
  const seconds = Math.round((performance.now() - start) / 1000);
  return { circumstances: where, redis: /v=([\d.]+)/.exec(redis)?.[1] ?? "unknown", scale, seconds, rows: done };
}

async function runRow({ name, failure, promise, run }: Row, scale: Scale): Promise<RowRecord> {
  const start = performance.now();
  let outcome: Outcome;
  try {
    outcome = await run(scale);
  } catch (error) {
    outcome = { checks: [check("the row has ended", false, String(error))] };
  }
  const { totals, recoveries = [], checks = [], notes = [] } = outcome;
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return { name, failure, promise, seconds, totals, recoveries, checks, notes };
}
