import Table from "cli-table3";
import { times } from "../report/table.ts";
import type { EngineResult } from "./summary.ts";

/** The rows of the engines as text: one table, with a line per workload and engine. */
export function formatEngineTable(results: readonly EngineResult[]): string {
  const first = results[0]!.rows[0]!.peer;
  const someFailed = results.some(({ rows }) => rows.some((row) => row.failed !== undefined));
  const table = new Table({
    head: ["workload", "engine", "CPU µs", `${first}: CPU`, ...(someFailed ? ["notes"] : [])],
    colAligns: ["left", "left", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const { work, rows } of results) {
    for (const [i, row] of rows.entries()) {
      // The id, and the title on the line below.
      const name = [work.id, `  ${work.title}`][i] ?? "";
      const failed = row.failed === undefined ? "" : `failed: ${row.failed}`;
      const notes = someFailed ? [failed] : [];
      table.push([name, row.title, row.micros?.toFixed(3) ?? "–", times(row.cost), ...notes]);
    }
  }
  return `frame parser and frame writer alone, the same number of messages in each round\n${table.toString()}\n`;
}
