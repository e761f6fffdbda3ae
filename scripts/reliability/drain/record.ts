import type { Circumstances } from "../machine.ts";
import type { ClientReport, Told } from "./clients.ts";
import type { DrainPlan } from "./run.ts";
import type { Beginning, ServerReport } from "./server.ts";

/** All that was seen of a drain, from both sides. */
export interface Seen {
  readonly where: Circumstances;
  readonly plan: DrainPlan;
  readonly beginning: Beginning;
  /** What those were told who asked to connect meanwhile. */
  readonly knocks: readonly Told[];
  readonly pageMeanwhile: Told;
  readonly pageAfterwards: Told;
  readonly ofServer: ServerReport;
  readonly ofClients: readonly ClientReport[];
}

/** What a drain has shown. */
export interface DrainRecord {
  readonly circumstances: Circumstances;
  readonly plan: DrainPlan;
  /** Connections when it began, messages that handlers had been handed until then, and bytes that were queued. */
  readonly beginning: Beginning;
  /** Messages that `send` accepted, over the whole run. */
  readonly accepted: number;
  /** Those that came before the close frame. */
  readonly received: number;
  /** The server's own count of the same: `wss.counters.messages`. */
  readonly counters: ServerReport["counters"];
  /** Accepted, and never came. */
  readonly lost: number;
  /** Came, and were not accepted. */
  readonly surplus: number;
  /** Answers that came out of order. */
  readonly misplaced: number;
  /** Messages that handlers wanted to send when it was too late: `send` said so. */
  readonly refused: number;
  /** Messages that handlers were handed while the drain went on: the load did not stop. */
  readonly answeredMeanwhile: number;
  /** Clients by the close code they got; 1006: none. */
  readonly codes: Readonly<Record<string, number>>;
  /** Who asked to connect meanwhile, by what they were told. */
  readonly knocks: Readonly<Record<string, number>>;
  /** HTTP status of a plain request to the same web server. */
  readonly page: { readonly meanwhile: number; readonly afterwards: number };
  /** The calls of `onTerminate` and the promise, in order: how many of each in a row. */
  readonly order: ServerReport["order"];
  /** In `wss.connections` at the end. */
  readonly left: number;
  /** From `wss.terminate()` to its promise. */
  readonly milliseconds: number;
}

/** Holds what both sides have seen against each other. */
export function judged(seen: Seen): DrainRecord {
  const { beginning, ofServer, ofClients } = seen;
  const { accepted } = ofServer;
  const pairs = ofClients.map(({ received }, n) => ({ received, accepted: accepted[n] ?? 0 }));
  const answers = sum(ofClients.map((client) => client.answers));
  return {
    circumstances: seen.where,
    plan: seen.plan,
    beginning,
    accepted: sum(accepted),
    received: sum(ofClients.map(({ received }) => received)),
    counters: ofServer.counters,
    lost: sum(pairs.map((pair) => Math.max(0, pair.accepted - pair.received))),
    surplus: sum(pairs.map((pair) => Math.max(0, pair.received - pair.accepted))),
    misplaced: sum(ofClients.map(({ misplaced }) => misplaced)),
    refused: ofServer.refused,
    answeredMeanwhile: Math.max(0, answers - beginning.handled),
    codes: limitCounters(ofClients.map(({ code }) => String(code))),
    knocks: limitCounters(seen.knocks.map(inWords)),
    page: { meanwhile: seen.pageMeanwhile.status, afterwards: seen.pageAfterwards.status },
    order: ofServer.order,
    left: ofServer.left,
    milliseconds: ofServer.milliseconds,
  };
}

function inWords({ status, retryAfter }: Told): string {
  return `${String(status)}${retryAfter === undefined ? "" : " with Retry-After"}`;
}

function limitCounters(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
