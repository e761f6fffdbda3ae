import Table from "cli-table3";
import { formatEngineTable } from "../engine/table.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { Result, Row, WorkResult } from "./summary.ts";

/** The result as text: where it was measured, and a table per work. */
export function formatTables(result: Result): string {
  const { machine, pace, date } = result;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const length = result.works.length > 0 ? `, of ${pace.seconds} s each` : "";
  const head = [
    `${date.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}`,
    versions.join(", "),
    `rounds: ${pace.rounds}${length}, in turn; medians; [lowest–highest round]`,
  ];
  const tables = result.works.map(formatWork);
  if (result.engine.length > 0) tables.push(formatEngineTable(result.engine));
  return `${head.join("\n")}\n\n${tables.join("\n")}`;
}

function formatWork(result: WorkResult): string {
  const columns = columnsOf(result);
  const table = new Table({
    head: columns.map((column) => column.head),
    colAligns: columns.map((_, i) => (i === 0 || i === columns.length - 1 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of result.rows) table.push(columns.map((column) => column.cell(row)));
  return `${result.work.id}: ${result.work.title}\n${table.toString()}\n`;
}

interface Column {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

function columnsOf({ work, rows }: WorkResult): Column[] {
  const us = rows[0]!.peer;
  const name: Column = { head: "server", cell: (row) => row.title };
  const note: Column = { head: "", cell: noteOf };
  if (work.kind === "idle") {
    return [
      name,
      { head: "bytes/connection", cell: (row) => count(row.bytesPerConnection) },
      { head: "before gc", cell: (row) => count(row.bytesPerConnectionAsItIs) },
      { head: `${us}: bytes`, cell: (row) => times(row.cost) },
      note,
    ];
  }
  if (work.kind === "latency") {
    return [
      name,
      { head: "p50 µs", cell: (row) => count(row.latency?.p50) },
      { head: "p99 µs", cell: (row) => count(row.latency?.p99) },
      { head: "p99.9 µs", cell: (row) => count(row.latency?.p999) },
      { head: "sent late, p99 µs", cell: (row) => count(row.latency?.sentLateP99) },
      { head: "CPU µs", cell: (row) => micros(row.serverMicros) },
      { head: `${us}: p99`, cell: (row) => times(row.cost) },
      note,
    ];
  }
  return [
    name,
    { head: "per second", cell: (row) => count(row.perSecond) },
    ...(work.size >= 1024 ? [{ head: "MB/s", cell: (row: Row) => count(row.megabytesPerSecond) }] : []),
    { head: "CPU µs", cell: (row) => micros(row.serverMicros) },
    { head: "load µs", cell: (row) => micros(row.loadMicros) },
    { head: "cores %", cell: (row) => `${percent(row.serverShare)}/${percent(row.loadShare)}` },
    { head: `${us}: /s`, cell: (row) => times(row.throughput) },
    { head: `${us}: CPU`, cell: (row) => times(row.cost) },
    note,
  ];
}

function noteOf(row: Row): string {
  const notes: string[] = [];
  if (row.failed !== undefined) notes.push(`failed: ${row.failed.split("\r\n", 1)[0]!}`);
  const { throughput: atLeast, cost: atMost } = row.goal ?? {};
  // Throughput that others on the machine have cut proves nothing.
  const sure = 2 * row.disturbedRounds < row.samples.length;
  if (atLeast !== undefined && row.throughput)
    notes.push(verdict(`≥ ${atLeast}×`, row.throughput.median >= atLeast, sure));
  if (atMost !== undefined && row.cost) notes.push(verdict(`≤ ${atMost}×`, row.cost.median <= atMost, true));
  if (row.loadBound) notes.push("load-bound");
  if (row.disturbedRounds > 0) notes.push(`disturbed ${row.disturbedRounds}/${row.samples.length}`);
  return notes.join("; ");
}

function verdict(goal: string, reached: boolean, sure: boolean): string {
  return `goal ${goal} ${reached ? "reached" : "missed"}${sure ? "" : "?"}`;
}

/** A ratio and its range: `14.2× [13.1–15.0]`. */
export function times(ratio: Ratio | null): string {
  if (ratio === null) return "";
  return `${short(ratio.median)}× [${short(ratio.lowest)}–${short(ratio.highest)}]`;
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function count(value: number | null | undefined): string {
  return typeof value === "number" ? Math.round(value).toLocaleString("en-US") : "–";
}

function micros(value: number | null): string {
  return value === null ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

function percent(value: number | null): string {
  return value === null ? "–" : String(Math.round(value * 100));
}
