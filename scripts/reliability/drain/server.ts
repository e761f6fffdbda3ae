// The server of the drain, in a process of its own, attached to a web server that is not closed.
import { type Server, createServer } from "node:http";
import { type Http2Server, createServer as createHttp2Server } from "node:http2";
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

/** The settings for the start of the drain. */
export interface BeginPlan {
  /** Messages of 16 KiB that are sent to each connection directly before the drain, so that the queues are long. */
  readonly burst: number;
  /** The timeout for `wss.terminate()`, in seconds. */
  readonly timeout: number;
}

/** The state of the server at the start of the drain. */
export interface Beginning {
  /** Messages that handlers had got. */
  readonly handled: number;
  /** Bytes in the queues of all connections. */
  readonly queued: number;
  readonly connections: number;
}

/** What the server observed. */
export interface ServerReport {
  /** The number of messages that `send` accepted, for each client. */
  readonly accepted: readonly number[];
  /** Messages that `send` refused, because the connection was closing. */
  readonly refused: number;
  /** What happened at the end in order, with the number of equal events in a row. */
  readonly order: readonly { readonly what: "connection" | "server" | "promise"; readonly times: number }[];
  /** The server's own count of messages, over all connections. */
  readonly counters: MessageCounters;
  /** The time from the call of `wss.terminate()` to its promise. */
  readonly milliseconds: number;
  /** `wss.connections.length`. */
  readonly left: number;
}

/** The methods of this process. */
export interface DrainServer {
  /** Starts the web server and the WebSocket server. Returns their port. */
  readonly listen: (how: { closeBatchSize: number; isHttp2: boolean }) => Promise<number>;
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

/** Answers each message with the same message, and counts the answers. */
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
    // A message that exceeds the limit of the queue ends the connection, and is not accepted.
    if (connected && isConnected(ws)) accepted[this.client] = (accepted[this.client] ?? 0) + 1;
    else refused++;
  }

  onTerminate(): void {
    note("connection");
  }
}

/** The same, one turn later. */
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

function attach(server: Server | Http2Server, closeBatchSize: number) {
  return new WebSocketServer(chat, { server, closeBatchSize });
}

async function listening(web: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  return (web.address() as AddressInfo).port;
}

const methods: DrainServer = {
  listen({ closeBatchSize, isHttp2 }) {
    const answer = (_request: unknown, response: { end(body: string): unknown }): unknown =>
      response.end("a page of the web server");
    const web = isHttp2 ? createHttp2Server(answer) : createServer(answer);
    wss = attach(web, closeBatchSize);
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
