import { setTimeout as pause } from "node:timers/promises";
import { Child } from "../child.ts";
import { circumstances } from "../machine.ts";
import type { DrainClients } from "./clients.ts";
import { type DrainRecord, judged } from "./record.ts";
import type { DrainServer } from "./server.ts";

/** A drain to run. */
export interface DrainPlan {
  /** How many clients there are. */
  readonly clients: number;
  /** Messages that each of them has under way. */
  readonly depth: number;
  /** Seconds of load before it begins. */
  readonly seconds: number;
  /** Messages of 16 KiB that the server sends each client just before. */
  readonly burst: number;
  /** Seconds, for `wss.terminate()`. */
  readonly timeout: number;
  /** Clients that ask to connect meanwhile. */
  readonly knocks: number;
  /** Connections that are closed at a time. */
  readonly batch: { readonly size: number };
}

/** Has a server go down under load: the server in a process of its own, the clients in another. */
export async function runDrain(plan: DrainPlan): Promise<DrainRecord> {
  const server = new Child<DrainServer>("drain/server.ts");
  const clients = new Child<DrainClients>("drain/clients.ts");
  try {
    const where = circumstances();
    const port = await server.call("listen", { batch: plan.batch });
    await clients.call("open", { port, clients: plan.clients, depth: plan.depth });
    await pause(plan.seconds * 1000);
    const beginning = await server.call("begin", { burst: plan.burst, timeout: plan.timeout });
    const knocks = await clients.call("knock", plan.knocks);
    const pageMeanwhile = await clients.call("page");
    await clients.call("release");
    const [ofServer, ofClients] = await Promise.all([server.call("report"), clients.call("report")]);
    const pageAfterwards = await clients.call("page");
    return judged({ where, plan, beginning, knocks, pageMeanwhile, pageAfterwards, ofServer, ofClients });
  } finally {
    await Promise.all([server.stop(), clients.stop()]);
  }
}
