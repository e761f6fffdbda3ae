import { setTimeout as pause } from "node:timers/promises";
import { Child } from "../child.ts";
import { circumstances } from "../machine.ts";
import type { DrainClients } from "./clients.ts";
import { type DrainRecord, compareSides } from "./record.ts";
import type { DrainServer } from "./server.ts";

/** The settings of a drain. */
export interface DrainPlan {
  /** How many clients there are. */
  readonly clients: number;
  /** Messages that each client has in flight. */
  readonly depth: number;
  /** Seconds of load before the drain starts. */
  readonly seconds: number;
  /** Messages of 16 KiB that the server sends to each client directly before the drain. */
  readonly burst: number;
  /** The timeout for `wss.terminate()`, in seconds. */
  readonly timeout: number;
  /** Clients that try to connect during the drain. */
  readonly connectAttempts: number;
  /** The option `closeBatchSize`: connections that are closed at a time. */
  readonly closeBatchSize: number;
  /** Whether the web server is one of HTTP/2. Default: it is one of HTTP/1.1. */
  readonly isHttp2?: boolean;
}

/** Terminates a server under load. The server has a process of its own, and the clients another one. */
export async function runDrain(plan: DrainPlan): Promise<DrainRecord> {
  const server = new Child<DrainServer>("drain/server.ts");
  const clients = new Child<DrainClients>("drain/clients.ts");
  try {
    const where = circumstances();
    const { isHttp2 = false } = plan;
    const port = await server.call("listen", { closeBatchSize: plan.closeBatchSize, isHttp2 });
    await clients.call("open", { port, clients: plan.clients, depth: plan.depth, isHttp2 });
    await pause(plan.seconds * 1000);
    const beginning = await server.call("begin", { burst: plan.burst, timeout: plan.timeout });
    const connectAttempts = await clients.call("tryToConnect", plan.connectAttempts);
    const pageDuring = await clients.call("page");
    await clients.call("release");
    const [ofServer, ofClients] = await Promise.all([server.call("report"), clients.call("report")]);
    const pageAfter = await clients.call("page");
    return compareSides({ where, plan, beginning, connectAttempts, pageDuring, pageAfter, ofServer, ofClients });
  } finally {
    await Promise.all([server.stop(), clients.stop()]);
  }
}
