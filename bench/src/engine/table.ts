import Table from "cli-table3";
import { times } from "../report/table.ts";
import type { EngineResult } from "./summary.ts";

/** The engine's rows as text: one table, a line per work and side. */
export function formatEngineTable(results: readonly EngineResult[]): string {
  const us = results[0]!.rows[0]!.peer;
  const table = new Table({
    head: ["work", "", "side", "CPU µs", `${us}: CPU`, ""],
    colAligns: ["left", "left", "left", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const { work, rows } of results) {
    for (const [i, row] of rows.entries()) {
      const name = i === 0 ? [work.id, work.title] : ["", ""];
      const failed = row.failed === undefined ? "" : `failed: ${row.failed}`;
      table.push([...name, row.title, row.micros?.toFixed(3) ?? "–", times(row.cost), failed]);
    }
  }
  return `frame parser and frame writer alone, the same number of messages in each round\n${table.toString()}\n`;
}
