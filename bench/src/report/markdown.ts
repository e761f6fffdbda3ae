import { isPaced } from "../load/job.ts";
import { nodeOf, times } from "./table.ts";
import type { Result, Row, WorkResult } from "./summary.ts";

// The columns of the table: a server, and the same with compression.
const SERVERS: readonly (readonly [title: string, ids: readonly string[]])[] = [
  ["`ws` + bufferutil", ["ws", "ws-deflate"]],
  ["native Bun.serve", ["bun", "bun-deflate"]],
];

/**
 * The ratios of results as one table in Markdown: a row for each workload, and for each result a column for each of the main
 * servers. So runs on several versions of Node can be read next to each other.
 */
export function formatMarkdown(results: readonly Result[]): string {
  const heads = results.flatMap(({ machine }) =>
    SERVERS.map(([title]) => `${title}, Node ${machine.node.replace(/^v/, "").split(".")[0]}`),
  );
  const works = new Map(results.flatMap((result) => result.works.map(({ work }) => [work.id, work.title] as const)));
  const lines = [...works].map(([id, title]) => [title, ...results.flatMap((result) => cellsOf(result, id))]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const runs = results.map(
    ({ date, machine, pace }) =>
      `- ${date.slice(0, 10)}, ${nodeOf(machine)}, ${machine.processor}, ${machine.cores} cores, ${machine.system}; ${pace.rounds} rounds of ${pace.seconds} s`,
  );
  const table = [line(["workload", ...heads]), line(["---", ...heads.map(() => "---")]), ...lines.map(line)];
  return `${table.join("\n")}\n\n${runs.join("\n")}\n`;
}

function cellsOf(result: Result, id: string): string[] {
  const work = result.works.find((each) => each.work.id === id);
  return SERVERS.map(([, ids]) => {
    const row = work?.rows.find((each) => ids.includes(each.peer));
    return work === undefined || row === undefined ? "" : cellOf(work, row);
  });
}

function cellOf({ work }: WorkResult, row: Row): string {
  if (row.failed !== undefined) return "failed";
  if (work.kind === "idle") return row.cost === null ? "" : `bytes ${times(row.cost)}`;
  if (isPaced(work.kind)) return row.cost === null ? "" : `p99 ${times(row.cost)}`;
  const cells = [row.throughput && `/s ${times(row.throughput)}`, row.cost && `CPU ${times(row.cost)}`];
  return cells.filter((cell) => typeof cell === "string").join(", ");
}
