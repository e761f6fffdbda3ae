import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Delay, measureDelays } from "./hostile-delay.ts";
import { type MemoryPerConnection, measureMemory } from "./hostile-memory.ts";

/**
 * Measures the cost of hostile connections: the memory that a server needs for each, and the delay that a thousand of them
 * add to the answers for a normal client. The server, the hostile peers and the normal client have a process each.
 *
 *     node --import tsx scripts/reliability/hostile.ts --out hostile.json
 */
const { values } = parseArgs({
  options: {
    /** A file for the results, as JSON. */
    out: { type: "string" },
    /** How often each delay is measured, alternately without and with hostile connections. */
    rounds: { type: "string", default: "5" },
    /** The length of each measurement. */
    seconds: { type: "string", default: "2" },
  },
});

/** The results of one run. */
interface Report {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly memory: readonly MemoryPerConnection[];
  readonly delays: readonly Delay[];
}

const memory = await measureMemory((what) => console.error(`memory: ${what}`));
const delays = await measureDelays(Number(values.rounds), Number(values.seconds), (what) =>
  console.error(`delay: ${what}`),
);
const report: Report = {
  node: process.version,
  processor: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memory,
  delays,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, undefined, 2)}\n`);
console.log(`${memoryTable(memory)}\n\n${delayTable(delays)}`);

function memoryTable(rows: readonly MemoryPerConnection[]): string {
  return table(
    ["hostile connections", "number", "bytes for each", "of these in the heap and in buffers", "limited by"],
    rows.map(({ what, connections, pages, held, bound }) => [
      what,
      whole(connections),
      whole(Math.max(held, pages)),
      whole(held),
      bound,
    ]),
  );
}

function delayTable(rows: readonly Delay[]): string {
  return table(
    ["1,000 hostile connections", "p50 without", "with", "p99 without", "with", "added to the p99"],
    rows.map(({ what, without, with: under, added }) => [
      what,
      ...[without.p50, under.p50, without.p99, under.p99, added].map((time) => `${time.toFixed(2)} ms`),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_cell, column) => (column === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function whole(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}
