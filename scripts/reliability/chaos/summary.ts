import { inWords } from "../machine.ts";
import { type Column, markdownTable, whole } from "../table.ts";
import { type ChaosRecord, type RowRecord, broken } from "./record.ts";

const columns: readonly Column<RowRecord>[] = [
  { head: "row", left: true, cell: ({ name }) => `\`${name}\`` },
  { head: "result", left: true, cell: (row) => (broken(row).length === 0 ? "kept" : "**broken**") },
  { head: "accepted", cell: ({ totals }) => number(totals?.history.accepted) },
  { head: "rejected", cell: ({ totals }) => number(totals?.history.rejected) },
  { head: "uncertain", cell: ({ totals }) => number(totals?.history.uncertain) },
  { head: "delivered", cell: ({ totals }) => number(totals?.history.delivered) },
  { head: "lost, told", cell: ({ totals }) => number(totals?.history.told) },
  { head: "lost in silence", cell: ({ totals }) => number(totals && totals.history.lost - totals.history.told) },
  { head: "doubled", cell: ({ totals }) => number(totals && totals.history.doubled + totals.plain.doubled) },
  { head: "out of order", cell: ({ totals }) => number(totals && totals.history.outOfOrder + totals.plain.outOfOrder) },
  { head: "plain: delivered", cell: ({ totals }) => number(totals?.plain.delivered) },
  { head: "plain: lost", cell: ({ totals }) => number(totals?.plain.lost) },
  { head: "slowest message", cell: ({ totals }) => (totals === undefined ? "–" : seconds(totals.slowest)) },
];

/** The record as text, in Markdown. */
export function summaryOf(record: ChaosRecord): string {
  const { circumstances, redis, scale, rows } = record;
  const { nodes, topics, clients, publishers, rate } = scale;
  const faults = rows.flatMap((row) => broken(row).map((fault) => `- \`${row.name}\`: ${fault}`));
  return [
    "# Chaos: servers that Redis joins, while parts fail",
    `${inWords(circumstances)}, Redis ${redis}`,
    `Unless a row says otherwise: ${whole(nodes)} servers, ${whole(topics)} topics (three of four with history), ${whole(clients)} clients with 4 topics each, ${whole(publishers)} publishers with ${whole(rate)} messages a second each. The run took ${whole(record.seconds)} s.`,
    "_Accepted_: `publish` has resolved. _Lost, told_: the client did not get it, and was told at that place that messages may be missing (`onGap`, or `recovered: false`). _Plain_: topics without history, at most once.",
    markdownTable(columns, rows),
    ...(faults.length === 0 ? [] : [`## What was broken\n\n${faults.join("\n")}`]),
    ...rows.map(detailsOf),
  ].join("\n\n");
}

function detailsOf({ name, failure, promise, totals, recoveries, checks, notes }: RowRecord): string {
  const counts = (title: string, of: Readonly<Record<string, number>> | undefined): string[] => {
    const each = Object.entries(of ?? {}).map(([key, times]) => `${whole(times)} × ${key}`);
    return each.length === 0 ? [] : [`${title}: ${each.join(", ")}`];
  };
  const lines = [
    ...recoveries.map(
      ({ what, milliseconds, bound }) => `${what}: ${seconds(milliseconds)}${boundOf(milliseconds, bound)}`,
    ),
    ...counts("rejections", totals?.failures),
    ...counts("gaps told", totals?.gaps),
    ...checks.map(({ what, ok, found }) => `${ok ? "" : "**broken:** "}${what}: ${found}`),
    ...notes,
  ];
  return [`## ${name}: ${failure}`, `${promise}.`, lines.map((line) => `- ${line}`).join("\n")].join("\n\n").trimEnd();
}

function boundOf(milliseconds: number, bound: number | undefined): string {
  if (bound === undefined) return "";
  return milliseconds <= bound ? ` (bound ${seconds(bound)})` : ` (**above the bound of ${seconds(bound)}**)`;
}

function number(value: number | undefined): string {
  return value === undefined ? "–" : whole(value);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
