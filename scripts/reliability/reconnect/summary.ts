import { inWords } from "../machine.ts";
import { markdownTable, whole } from "../table.ts";
import type { KillRecord } from "./kills.ts";
import type { Spread } from "./spread.ts";

/** Bars of a histogram, at most. */
const BARS = 22;

/** Characters of the longest bar. */
const WIDTH = 60;

/** Both records as a page. */
export function summaryOf(kills: KillRecord, histograms: readonly Histogram[]): string {
  const { where, plan, toServer, toClient, reconnects } = kills;
  const { counters } = toServer;
  const rows: [string, string, string][] = [
    ["messages sent", whole(toServer.sent), ""],
    ["received", whole(toServer.received), whole(toClient.received)],
    ["received twice", whole(toServer.doubled), whole(toClient.doubled)],
    ["out of order", whole(toServer.outOfOrder), whole(toClient.outOfOrder)],
    ["missing in the middle of a connection", "", whole(toClient.gaps)],
    ["written (the client's counter)", whole(counters.written), ""],
    ["dropped (the client's counter)", whole(counters.dropped), ""],
    ["written, but under way when the server was killed", whole(toServer.lost), ""],
  ];
  const table = markdownTable(
    [
      { head: "", left: true, cell: ([what]) => what },
      { head: "client to server", cell: ([, up]) => up },
      { head: "server to client", cell: ([, , down]) => down },
    ],
    rows,
  );
  return [
    "# Reconnects",
    `${inWords(where)}; \`npx tsx scripts/reconnect.ts\`.`,
    `A server process was killed ${whole(plan.kills)} times and started again. A client sent a number each millisecond, and the server too; while it`,
    `was away the client's messages waited (\`whileAway: "queue"\`). The client reconnected ${whole(reconnects)} times.`,
    "",
    table,
    ...histograms.flatMap((one) => ["", ...drawn(one)]),
  ]
    .join("\n")
    .replace("# Reconnects\n", "# Reconnects\n\n")
    .replace("`npx tsx scripts/reconnect.ts`.\n", "`npx tsx scripts/reconnect.ts`.\n\n");
}

/** A spread as a histogram. */
export interface Histogram {
  readonly clients: number;
  readonly baseDelay: number;
  /** When the last client came, in milliseconds after the kill. */
  readonly last: number;
  /** Milliseconds of a bar. */
  readonly step: number;
  readonly bars: readonly { readonly from: number; readonly clients: number }[];
}

/** Counts how many clients came back in each interval. */
export function histogramOf({ clients, baseDelay, times }: Spread): Histogram {
  const last = times.at(-1) ?? 0;
  const step = niceStep(last / BARS);
  const bars = Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => ({
    from: i * step,
    clients: times.filter((time) => Math.floor(time / step) === i).length,
  }));
  return { clients, baseDelay, last, step, bars };
}

function drawn({ clients, baseDelay, last, step, bars }: Histogram): string[] {
  const most = Math.max(...bars.map((bar) => bar.clients));
  const lines = bars.map((bar) => {
    const from = String(bar.from).padStart(String(last).length);
    return `${from} ms ${"#".repeat(Math.ceil((bar.clients / most) * WIDTH))} ${String(bar.clients)}`;
  });
  return [
    `## ${whole(clients)} clients, \`baseDelay: ${String(baseDelay)}\``,
    "",
    `The server was killed and started again at once. The bars show how many clients came back in each ${whole(step)} ms after that.`,
    `At most ${whole(most)} came in one of them. The last client was back after ${whole(last)} ms.`,
    "",
    "```text",
    ...lines,
    "```",
  ];
}

/** 50, 100, 200, 500, … */
function niceStep(least: number): number {
  for (let power = 10; ; power *= 10) for (const one of [1, 2, 5]) if (one * power >= least) return one * power;
}
