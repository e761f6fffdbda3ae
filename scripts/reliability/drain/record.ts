import type { Circumstances } from "../machine.ts";
import type { ClientReport, HttpAnswer } from "./clients.ts";
import type { DrainPlan } from "./run.ts";
import type { Beginning, ServerReport } from "./server.ts";

/** What both sides of a drain observed. */
export interface Observations {
  readonly where: Circumstances;
  readonly plan: DrainPlan;
  readonly beginning: Beginning;
  /** The answers to clients that tried to connect during the drain. */
  readonly connectAttempts: readonly HttpAnswer[];
  readonly pageDuring: HttpAnswer;
  readonly pageAfter: HttpAnswer;
  readonly ofServer: ServerReport;
  readonly ofClients: readonly ClientReport[];
}

/** The result of a drain. */
export interface DrainRecord {
  readonly circumstances: Circumstances;
  readonly plan: DrainPlan;
  /** At the start of the drain: connections, messages that handlers had got, and bytes in the queues. */
  readonly beginning: Beginning;
  /** Messages that `send` accepted, over the whole run. */
  readonly accepted: number;
  /** Messages that clients received before the close frame. */
  readonly received: number;
  /** The server's own count: `wss.counters.messages`. */
  readonly counters: ServerReport["counters"];
  /** Messages that were accepted and not received. */
  readonly lost: number;
  /** Messages that were received and not accepted. */
  readonly notAccepted: number;
  /** Answers that were out of order. */
  readonly outOfOrder: number;
  /** Messages that `send` refused, because the connection was closing. */
  readonly refused: number;
  /** Messages that were answered during the drain: the load did not stop. */
  readonly answeredDuring: number;
  /** The number of clients for each close code; 1006: no close frame. */
  readonly codes: Readonly<Record<string, number>>;
  /** The number of clients that tried to connect during the drain, for each answer. */
  readonly connectAttempts: Readonly<Record<string, number>>;
  /** HTTP status of a plain request to the same web server. */
  readonly page: { readonly during: number; readonly after: number };
  /** The calls of `onTerminate` and the promise in order, with the number of equal ones in a row. */
  readonly order: ServerReport["order"];
  /** `wss.connections.length` at the end. */
  readonly left: number;
  /** The time from `wss.terminate()` to its promise. */
  readonly milliseconds: number;
}

/** Compares what both sides observed. */
export function compareSides(observed: Observations): DrainRecord {
  const { beginning, ofServer, ofClients } = observed;
  const { accepted } = ofServer;
  const pairs = ofClients.map(({ received }, n) => ({ received, accepted: accepted[n] ?? 0 }));
  const answers = sum(ofClients.map((client) => client.answers));
  return {
    circumstances: observed.where,
    plan: observed.plan,
    beginning,
    accepted: sum(accepted),
    received: sum(ofClients.map(({ received }) => received)),
    counters: ofServer.counters,
    lost: sum(pairs.map((pair) => Math.max(0, pair.accepted - pair.received))),
    notAccepted: sum(pairs.map((pair) => Math.max(0, pair.received - pair.accepted))),
    outOfOrder: sum(ofClients.map(({ outOfOrder }) => outOfOrder)),
    refused: ofServer.refused,
    answeredDuring: Math.max(0, answers - beginning.handled),
    codes: countEach(ofClients.map(({ code }) => String(code))),
    connectAttempts: countEach(observed.connectAttempts.map(inWords)),
    page: { during: observed.pageDuring.status, after: observed.pageAfter.status },
    order: ofServer.order,
    left: ofServer.left,
    milliseconds: ofServer.milliseconds,
  };
}

function inWords({ status, retryAfter }: HttpAnswer): string {
  return `${String(status)}${retryAfter === undefined ? "" : " with Retry-After"}`;
}

function countEach(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
