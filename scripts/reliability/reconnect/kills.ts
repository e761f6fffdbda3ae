import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { MessageCounters, WSMessageEvent } from "hawser";
import { WebSocket } from "hawser/client";
import { Child } from "../child.ts";
import { type Circumstances, circumstances } from "../machine.ts";
import { waitUntil } from "../wait.ts";
import type { ReconnectServer } from "./server.ts";

/** How often a server is killed. */
export interface KillPlan {
  readonly kills: number;
  /** Milliseconds of traffic before each kill, at least; up to twice as long. */
  readonly traffic: number;
}

/** What has become of numbered messages while their server was killed again and again. */
export interface KillRecord {
  readonly where: Circumstances;
  readonly plan: KillPlan;
  readonly reconnects: number;
  readonly toServer: {
    /** Messages that the client has sent: numbers from 0. */
    readonly sent: number;
    /** Numbers that the servers got. */
    readonly received: number;
    /** Numbers that a server got twice. */
    readonly doubled: number;
    /** Numbers that came after a higher one. */
    readonly outOfOrder: number;
    /** What the client counted. */
    readonly counters: MessageCounters;
    /** Messages that were given to the system, and that no server got: they were under way when it was killed. */
    readonly lost: number;
  };
  readonly toClient: {
    readonly received: number;
    readonly doubled: number;
    readonly outOfOrder: number;
    /** Numbers that are missing between two that came. */
    readonly gaps: number;
  };
}

/** Milliseconds between two messages of the client. */
const EVERY = 1;

/** Milliseconds for a reconnect: far more than it takes. */
const PATIENCE = 60_000;

/** Kills and restarts a server under numbered messages in both directions. */
export async function runKills(plan: KillPlan): Promise<KillRecord> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-kills-"));
  const log = join(folder, "received");
  const start = (): Child<ReconnectServer> => new Child<ReconnectServer>("reconnect/server.ts");
  let server = start();
  let next = start();
  const client = new NumberClient();
  try {
    const where = circumstances();
    const port = await server.call("listen", { port: 0, generation: 0, log });
    client.connect(`ws://127.0.0.1:${String(port)}`);
    for (let kill = 1; kill <= plan.kills; kill++) {
      await client.isConnected(kill);
      await pause(plan.traffic * (1 + Math.random()));
      await server.stop();
      server = next;
      next = start();
      await server.call("listen", { port, generation: kill, log });
    }
    await client.isConnected(plan.kills + 1);
    await pause(plan.traffic);
    const counters = await client.end();
    return { where, plan, reconnects: client.opens - 1, ...compare(client, counters, numbersIn(log)) };
  } finally {
    client.destroy();
    await Promise.all([server.stop(), next.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** A client that sends numbers, and keeps those that it gets. */
class NumberClient {
  readonly received: (readonly [generation: number, number: number])[] = [];
  opens = 0;
  sent = 0;
  #ws: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  connect(url: string): void {
    const handler = {
      onOpen: () => {
        this.opens++;
      },
      onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => {
        const [generation, number] = String(data).split(":");
        this.received.push([Number(generation), Number(number)]);
      },
      onError: () => undefined,
    };
    const reconnect = { baseDelay: 20, maxDelay: 200, whileAway: "queue" } as const;
    const ws = (this.#ws = new WebSocket(url, handler, { reconnect }));
    this.#timer = setInterval(() => ws.send(String(this.sent++)), EVERY);
  }

  async isConnected(opens: number): Promise<void> {
    if (!(await waitUntil(() => this.opens >= opens, PATIENCE))) throw new Error("the client does not come back");
  }

  /** Closes in order, and returns what was counted. */
  async end(): Promise<MessageCounters> {
    clearInterval(this.#timer);
    const ws = this.#ws;
    if (ws === undefined) throw new Error("it was not connected");
    await ws.drained();
    ws.terminate();
    await ws.closed;
    return ws.counters;
  }

  destroy(): void {
    clearInterval(this.#timer);
    this.#ws?.destroy();
  }
}

function numbersIn(log: string): number[] {
  const lines = readFileSync(log, "utf8").split("\n");
  return lines.filter((line) => line !== "").map(Number);
}

function compare(client: NumberClient, counters: MessageCounters, atServer: readonly number[]) {
  const pairs = client.received;
  const isAfter = ([generation, number]: readonly [number, number], [g, n]: readonly [number, number]): boolean =>
    generation > g || (generation === g && number > n);
  return {
    toServer: {
      sent: client.sent,
      received: atServer.length,
      doubled: atServer.length - new Set(atServer).size,
      outOfOrder: countSteps(atServer, (before, after) => after <= before),
      counters,
      lost: counters.written - atServer.length,
    },
    toClient: {
      received: pairs.length,
      doubled: pairs.length - new Set(pairs.map(String)).size,
      outOfOrder: countSteps(pairs, (before, after) => !isAfter(after, before)),
      gaps: countSteps(pairs, ([g, n], [generation, number]) => (generation === g ? number !== n + 1 : number !== 0)),
    },
  };
}

/** How many neighbours in a list have a property. */
function countSteps<T>(list: readonly T[], has: (before: T, after: T) => boolean): number {
  return list.filter((one, i) => i > 0 && has(list[i - 1] as T, one)).length;
}

/** Whether the order was kept, nothing came twice, and all messages are accounted for. */
export function isGood({ plan, reconnects, toServer, toClient }: KillRecord): boolean {
  const { accepted, written, dropped, pending } = toServer.counters;
  return (
    reconnects === plan.kills &&
    toServer.doubled + toServer.outOfOrder + toClient.doubled + toClient.outOfOrder + toClient.gaps === 0 &&
    toServer.sent === accepted &&
    accepted === written + dropped + pending &&
    pending === 0 &&
    toServer.lost >= 0 &&
    toServer.received > 0 &&
    toClient.received > 0
  );
}
