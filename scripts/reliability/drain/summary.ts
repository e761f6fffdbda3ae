import { inWords } from "../machine.ts";
import { markdownTable, mebibytes, whole } from "../table.ts";
import type { DrainRecord } from "./record.ts";

/** The record as text, in Markdown. */
export function summaryOf(record: DrainRecord): string {
  const { circumstances, plan, beginning, order, milliseconds, page } = record;
  const clients = whole(plan.clients);
  const rows: readonly (readonly [what: string, value: string])[] = [
    ["connections at the start of the drain", whole(beginning.connections)],
    ["messages handled before that", whole(beginning.handled)],
    ["bytes in the queues at that time", `${mebibytes(beginning.queued)} MiB`],
    ["messages that `send` accepted", whole(record.accepted)],
    ["messages received before the close frame", whole(record.received)],
    ["`wss.counters.messages`", inNumbers(record.counters)],
    ["messages lost", whole(record.lost)],
    ["messages received, but not accepted", whole(record.notAccepted)],
    ["answers out of order", whole(record.outOfOrder)],
    ["messages answered during the drain", whole(record.answeredDuring)],
    ["messages that `send` refused", whole(record.refused)],
    ["close codes", counts(record.codes)],
    ["attempts to connect during the drain", counts(record.connectAttempts)],
    ["`onTerminate`, in order", order.map(({ what, times }) => `${whole(times)} × ${what}`).join(", ")],
    ["left in `wss.connections`", whole(record.left)],
    ["plain HTTP during the drain, and after it", `${String(page.during)}, ${String(page.after)}`],
    ["time from `wss.terminate()` to its promise", `${whole(milliseconds)} ms`],
  ];
  return [
    `# Drain: ${clients} clients that send without a pause`,
    inWords(circumstances),
    `${clients} clients with ${String(plan.depth)} messages in flight each. One client in ten reads slowly. One connection in four has an async handler. After ${String(plan.seconds)} s \`wss.terminate(${String(plan.timeout)})\` is called, and the clients continue to send.`,
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

/** Each key with its number. */
function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([key, times]) => `${whole(times)} × ${key}`)
    .join(", ");
}
