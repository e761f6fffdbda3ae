import { inWords } from "../machine.ts";
import { markdownTable, mebibytes, whole } from "../table.ts";
import type { DrainRecord } from "./record.ts";

/** The record in words, in Markdown. */
export function summaryOf(record: DrainRecord): string {
  const { circumstances, plan, beginning, order, milliseconds, page } = record;
  const clients = whole(plan.clients);
  const rows: readonly (readonly [what: string, value: string])[] = [
    ["connections when it began", whole(beginning.connections)],
    ["messages handled until then", whole(beginning.handled)],
    ["queued when it began", `${mebibytes(beginning.queued)} MiB`],
    ["messages that `send` accepted", whole(record.accepted)],
    ["received before the close frame", whole(record.received)],
    ["the server's own count", inNumbers(record.counters)],
    ["lost", whole(record.lost)],
    ["received, and not accepted", whole(record.surplus)],
    ["out of order", whole(record.misplaced)],
    ["answered while the drain went on", whole(record.answeredMeanwhile)],
    ["refused by `send`, which said so", whole(record.refused)],
    ["close codes", counts(record.codes)],
    ["asked to connect meanwhile", counts(record.knocks)],
    ["`onTerminate`, in order", order.map(({ what, times }) => `${whole(times)} × ${what}`).join(", ")],
    ["left in `wss.connections`", whole(record.left)],
    ["plain HTTP meanwhile, and afterwards", `${String(page.meanwhile)}, ${String(page.afterwards)}`],
    ["from the call to its promise", `${whole(milliseconds)} ms`],
  ];
  return [
    `# Drain: ${clients} clients that send all the time`,
    inWords(circumstances),
    `${clients} clients with ${String(plan.depth)} messages under way each, one in ten of them slow to read, and one in four connections with an async handler; \`wss.terminate(${String(plan.timeout)})\` after ${String(plan.seconds)} s of it, while they go on.`,
    markdownTable(
      [
        { head: "result", left: true, cell: ([what]) => what },
        { head: "value", cell: ([, value]) => value },
      ],
      rows,
    ),
  ].join("\n\n");
}

function inNumbers({ accepted, written, dropped, pending }: DrainRecord["counters"]): string {
  return `${whole(accepted)} = ${whole(written)} written + ${whole(dropped)} dropped + ${whole(pending)} pending`;
}

/** Each key and how often it was. */
function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([key, times]) => `${whole(times)} × ${key}`)
    .join(", ");
}
