import { WebSocket } from "hawser/client";
import { Child } from "../child.ts";
import { waitUntil } from "../wait.ts";
import type { ReconnectServer } from "./server.ts";

/** When clients came back to a server that was killed and started again at once. */
export interface Spread {
  readonly clients: number;
  /** The option `reconnect.baseDelay`. */
  readonly baseDelay: number;
  /** Milliseconds after the kill, in order: one for each client. */
  readonly times: readonly number[];
}

/** Milliseconds for all clients to connect. */
const PATIENCE = 60_000;

/** Kills a server with many clients, and starts it again. */
export async function runSpread(clients: number, baseDelay: number): Promise<Spread> {
  const [server, next] = [start(), start()];
  const all: WebSocket[] = [];
  try {
    const port = await server.call("listen", { port: 0, generation: 0, log: undefined });
    let opens = 0;
    const handler = { onOpen: () => (opens += 1), onError: () => undefined };
    for (let i = 0; i < clients; i++)
      all.push(new WebSocket(`ws://127.0.0.1:${String(port)}`, handler, { reconnect: { baseDelay } }));
    if (!(await waitUntil(() => opens === clients, PATIENCE))) throw new Error("not all clients are connected");
    // The process of the next server is there: only its port is missing.
    await next.call("times");
    const killed = Date.now();
    await server.stop();
    await next.call("listen", { port, generation: 1, log: undefined });
    if (!(await waitUntil(() => opens === 2 * clients, PATIENCE))) throw new Error("not all clients have come back");
    const times = (await next.call("times")).map((time) => time - killed).sort((a, b) => a - b);
    return { clients, baseDelay, times };
  } finally {
    for (const ws of all) ws.destroy();
    await Promise.all([server.stop(), next.stop()]);
  }
}

function start(): Child<ReconnectServer> {
  return new Child<ReconnectServer>("reconnect/server.ts");
}
