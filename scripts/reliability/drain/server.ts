// The server of the drain, in a process of its own, attached to a web server that stays.
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import {
  type WSConnectionEvent,
  type MessageCounters,
  type WSMessageEvent,
  type WebSocketConnection,
  WebSocketServer,
} from "hawser";
import { answerParent } from "../child.ts";

/** How the server is set up. */
export interface ServerPlan {
  /** Connections that are closed at a time. */
  readonly batch: { readonly size: number };
}

/** What happens at the beginning of the drain. */
export interface BeginPlan {
  /** Messages that each connection is sent just before, so that much is queued; of 16 KiB each. */
  readonly burst: number;
  /** Seconds, for `wss.terminate()`. */
  readonly timeout: number;
}

/** The state of things when the drain began. */
export interface Beginning {
  /** Messages that handlers had been handed. */
  readonly handled: number;
  /** Bytes that were queued, over all connections. */
  readonly queued: number;
  readonly connections: number;
}

/** What a drain was for the server. */
export interface ServerReport {
  /** Messages that `send` accepted, by the client's number. */
  readonly accepted: readonly number[];
  /** Messages that handlers wanted to send when it was too late: `send` said so. */
  readonly refused: number;
  /** What happened at the end, in order: how many of each in a row. */
  readonly order: readonly { readonly what: "connection" | "server" | "promise"; readonly times: number }[];
  /** The server's own count of messages, over all connections. */
  readonly counters: MessageCounters;
  /** From the call to its promise. */
  readonly milliseconds: number;
  /** `wss.connections.length`. */
  readonly left: number;
}

/** What can be asked of this process. */
export interface DrainServer {
  /** Starts the servers; their port. */
  readonly listen: (plan: ServerPlan) => Promise<number>;
  /** Calls `wss.terminate()`, and does not wait. */
  readonly begin: (plan: BeginPlan) => Beginning;
  /** Waits for the promise of `wss.terminate()`. */
  readonly report: () => Promise<ServerReport>;
}

const BURST = new Uint8Array(16 * 1024).fill(7);
/** One connection in this number has an async handler. */
const BUSY = 4;

const accepted: number[] = [];
const order: { what: "connection" | "server" | "promise"; times: number }[] = [];
let handled = 0;
let refused = 0;
let wss: ReturnType<typeof attach>;
let ending: Promise<void> = Promise.resolve();
let milliseconds = 0;

/** What a client is answered: its own message, and the answer is counted. */
class Echo {
  readonly client: number;

  constructor(client: number) {
    this.client = client;
    accepted[client] = 0;
  }

  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent): unknown {
    handled++;
    this.send(ws, data);
    return undefined;
  }

  send(ws: WebSocketConnection<Echo>, message: string | Uint8Array): void {
    const connected = isConnected(ws);
    ws.send(message);
    // What overflows the queue ends the connection, and is not accepted either.
    if (connected && isConnected(ws)) accepted[this.client] = (accepted[this.client] ?? 0) + 1;
    else refused++;
  }

  onTerminate(): void {
    note("connection");
  }
}

/** The same, a turn later. */
class BusyEcho extends Echo {
  override async onMessage(ws: WebSocketConnection<Echo>, event: WSMessageEvent): Promise<unknown> {
    await turn();
    return super.onMessage(ws, event);
  }
}

const chat = {
  onConnection(_wss: unknown, { request }: WSConnectionEvent): Echo {
    const client = Number(request.query["client"]);
    return client % BUSY === 0 ? new BusyEcho(client) : new Echo(client);
  },
  onTerminate: () => note("server"),
};

function isConnected(ws: WebSocketConnection): boolean {
  return ws.status === "Connected";
}

function note(what: "connection" | "server" | "promise"): void {
  const last = order.at(-1);
  if (last?.what === what) last.times++;
  else order.push({ what, times: 1 });
}

function attach(server: Server, { size }: ServerPlan["batch"]) {
  return new WebSocketServer(chat, { server, closeBatchSize: size });
}

async function listening(web: Server): Promise<number> {
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  return (web.address() as AddressInfo).port;
}

const methods: DrainServer = {
  listen({ batch }) {
    const web = createServer((_request, response) => response.end("the web server is here"));
    wss = attach(web, batch);
    return listening(web);
  },

  begin({ burst, timeout }) {
    const beginning = { handled, connections: wss.connections.length };
    let queued = 0;
    for (const ws of wss.connections) {
      for (let i = 0; i < burst; i++) ws.handler.send(ws, BURST);
      queued += ws.bufferedAmount;
    }
    const start = performance.now();
    ending = wss.terminate(timeout).then(() => {
      note("promise");
      milliseconds = Math.round(performance.now() - start);
    });
    return { ...beginning, queued };
  },

  async report() {
    await ending;
    return { accepted, refused, order, milliseconds, counters: wss.counters.messages, left: wss.connections.length };
  },
};

answerParent(methods);
