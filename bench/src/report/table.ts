import Table from "cli-table3";
import { formatEngineTable } from "../engine/table.ts";
import { type Kind, isPaced } from "../load/job.ts";
import { type Ratio, rangeOf } from "../measure/statistics.ts";
import { packagesOf } from "../peers.ts";
import type { Machine } from "./machine.ts";
import type { Comparison, Result, Row, WorkResult } from "./summary.ts";
import { costName, verdictsOf } from "./verdict.ts";

/** The result as text: the machine, and a table per workload. */
export function formatTables(result: Result): string {
  const { machine, pace, date } = result;
  // Only versions of measured packages. The JSON has all versions.
  const measured = new Set([...result.works, ...result.engine].flatMap(peersOf).flatMap(packagesOf));
  const versions = Object.entries(machine.versions)
    .filter(([name]) => measured.has(name))
    .map(([name, version]) => `${name} ${version}`);
  const length = result.works.length > 0 ? `, of ${pace.seconds} s each` : "";
  const head = [
    `${date.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores, ${machine.system}, ${nodeOf(machine)}`,
    ...(versions.length > 0 ? [versions.join(", ")] : []),
    `rounds: ${pace.rounds}${length}, in turn; medians; [${pace.rounds < 6 ? "lowest–highest round" : "95 % interval of the median"}]`,
  ];
  const tables = result.works.map(formatWork);
  if (result.engine.length > 0) tables.push(formatEngineTable(result.engine));
  return `${head.join("\n")}\n\n${tables.join("\n")}\n${legendOf(result)}\n`;
}

/** The Node of the servers, and that of the load generator if it is another one. */
export function nodeOf({ node, loadNode }: Machine): string {
  return loadNode === undefined ? `Node ${node}` : `Node ${node} (load generator: ${loadNode})`;
}

function peersOf({ rows }: { readonly rows: readonly { readonly peer: string }[] }): string[] {
  return rows.map((row) => row.peer);
}

/** An explanation of the columns. */
function legendOf({ works, engine }: Result): string {
  const first = [...works, ...engine].flatMap(peersOf)[0] ?? "";
  const legend = `"${first}: …" is the figure of ${first} divided by that of the line: the median of the ratios of the rounds, not the ratio of the columns.`;
  const hasCores = works.some(({ work }) => work.kind !== "idle" && !isPaced(work.kind));
  const cores = hasCores ? '"cores %" is the use of the cores of server/load generator; ' : "";
  return `${legend}\n"CPU" is time per message; ${cores}bench/README.md explains the rest.`;
}

function formatWork(result: WorkResult): string {
  const columns = [...columnsOf(result), ...remarksOn(result)];
  const table = new Table({
    head: columns.map((column) => column.head),
    colAligns: columns.map((column) => (column.left ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of result.rows) table.push(columns.map((column) => column.cell(row)));
  return `${result.work.id}: ${result.work.title}\n${table.toString()}\n`;
}

interface Column {
  readonly head: string;
  readonly left?: true;
  readonly cell: (row: Row) => string;
}

function columnsOf({ work, second, rows }: WorkResult): Column[] {
  const first = rows[0]!.peer;
  const name: Column = { head: "server", left: true, cell: (row) => row.title };
  if (work.kind === "idle") {
    return [
      name,
      { head: "bytes/connection", cell: (row) => count(row.bytesPerConnection) },
      { head: "before gc", cell: (row) => count(row.bytesPerConnectionAsItIs) },
      ...ratiosTo(first, work.kind, (row) => row).slice(1),
    ];
  }
  if (isPaced(work.kind)) {
    return [
      name,
      { head: "p50 µs", cell: (row) => count(row.latency?.p50) },
      { head: "p99 µs", cell: (row) => count(row.latency?.p99) },
      { head: "p99.9 µs", cell: (row) => count(row.latency?.p999) },
      { head: "sent late, p99 µs", cell: (row) => count(row.latency?.sentLateP99) },
      { head: "CPU µs", cell: (row) => micros(row.serverMicros) },
      { head: `${first}: ${costName(work.kind)}`, cell: (row) => times(row.cost) },
    ];
  }
  return [
    name,
    { head: "per second", cell: (row) => count(row.perSecond) },
    ...(work.size >= 1024 ? [{ head: "MB/s", cell: (row: Row) => count(row.megabytesPerSecond) }] : []),
    ...(work.varied ? [{ head: "bytes sent", cell: (row: Row) => count(row.wireBytes) }] : []),
    ...(rows.some((row) => row.brokerMicros !== null)
      ? [{ head: "per CPU s", cell: (row: Row) => count(row.serverMicros && 1e6 / row.serverMicros) }]
      : []),
    { head: "CPU µs", cell: (row) => micros(row.serverMicros) },
    ...(rows.some((row) => row.brokerMicros !== null)
      ? [{ head: "of it Redis", cell: (row: Row) => micros(row.brokerMicros) }]
      : []),
    { head: work.side === "append" ? "Redis µs" : "load µs", cell: (row) => micros(row.loadMicros) },
    { head: "cores %", cell: (row) => `${percent(row.serverShare)}/${percent(row.loadShare)}` },
    ...ratiosTo(first, work.kind, (row) => row),
    ...(second === undefined ? [] : ratiosTo(second, work.kind, (row) => row.second)),
  ];
}

function ratiosTo(ours: string, kind: Kind, of: (row: Row) => Comparison | undefined): Column[] {
  return [
    { head: `${ours}: /s`, cell: (row) => times(of(row)?.throughput ?? null) },
    { head: `${ours}: ${costName(kind)}`, cell: (row) => times(of(row)?.cost ?? null) },
  ];
}

/** The columns for goals and notes, if there are any. */
function remarksOn(result: WorkResult): Column[] {
  const { rows } = result;
  const remarks: Column[] = [
    { head: "goal", left: true, cell: (row) => goalsOf(result, row).join("; ") },
    { head: "notes", left: true, cell: noteOf },
  ];
  return remarks.filter((column) => rows.some((row) => column.cell(row) !== ""));
}

function goalsOf({ work, second, rows }: WorkResult, row: Row): string[] {
  const verdicts = verdictsOf(work.kind, rows[0]!, row);
  const ours = rows.find((each) => each.peer === second);
  if (ours === undefined || row.second === undefined) return verdicts;
  const others = verdictsOf(work.kind, ours, { ...row, ...row.second });
  return [...verdicts, ...others.map((verdict) => `${ours.peer}: ${verdict}`)];
}

function noteOf(row: Row): string {
  const notes: string[] = [];
  if (row.failed !== undefined) notes.push(`failed: ${row.failed.split("\r\n", 1)[0]!}`);
  if (row.loadBound) notes.push("load-bound");
  if (row.disturbedRounds > 0) notes.push(`disturbed ${row.disturbedRounds}/${row.samples.length}`);
  return notes.join("; ");
}

/** A ratio and its interval, or its range for a few rounds: `14.2× [13.1–15.0]`. */
export function times(ratio: Ratio | null): string {
  if (ratio === null) return "";
  const { low, high } = rangeOf(ratio);
  return `${short(ratio.median)}× [${short(low)}–${short(high)}]`;
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
