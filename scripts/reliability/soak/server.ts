// The server of the soak, in a process of its own: its parent asks it for what it holds.
import type { AddressInfo } from "node:net";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import {
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type ServerCounters,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  refuse,
} from "hawser";
import { answerParent } from "../child.ts";
import { Census, type Memory, weigh } from "../memory.ts";
import { until } from "../patience.ts";

/** What the server holds, and what it has seen so far. */
export interface Holdings extends Memory {
  /** Sockets, servers and timers of the process: with no connection there, the listening socket. */
  readonly handles: number;
  /** `wss.connections.length`. */
  readonly connections: number;
  /** `onOpen` calls of connections. */
  readonly opened: number;
  /** `onTerminate` calls of connections. */
  readonly closed: number;
  /** Connection objects that somebody still holds. */
  readonly held: number;
  /** Promises of `ws.ping()` and `ws.drained()` that have not settled. */
  readonly waiting: number;
}

/** What the server has counted, and its handlers were told. */
export interface Counts {
  /** Connections by the code that `onTerminate` was told. */
  readonly codes: Readonly<Record<string, number>>;
  /** Errors by the `errCode` that `onError` was told. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls of `onDrain`. */
  readonly drains: number;
  /** `wss.counters`: the library's own. */
  readonly counters: ServerCounters;
}

/** What the server is told at its start. */
export interface ServerPlan {
  /** Numbers that stay in memory after each connection, to test that the soak notices it; 0: none. */
  readonly leak: number;
}

/** What can be asked of this process. */
export interface SoakServer {
  /** Starts the server; its port. */
  readonly listen: (plan: ServerPlan) => Promise<number>;
  /** Waits until no connection is left, collects garbage, and tells what is held. */
  readonly holdings: () => Promise<Holdings>;
  /** What was counted so far. */
  readonly counts: () => Counts;
  /** Closes the server; how many handles are left. */
  readonly close: () => Promise<number>;
}

/** Above what a text is at most: the courses send one that is longer. */
const MAX_MESSAGE_SIZE = 128 * 1024;
/** For peers that do not answer a close frame; each batch ends with one that waits for it. */
const CLOSE_TIMEOUT = 250;
/** How often garbage is collected again where connections are still in memory: the first time may come too early. */
const MORE_COLLECTIONS = 5;
/** What connections may take to be over. */
const PATIENCE = 10_000;
const PAUSE = 50;
/** Far above what sockets take while nobody reads. */
const FLOOD = new Uint8Array(512 * 1024).fill(3);
const FLOOD_MESSAGES = 12;
/** Sockets, servers, timers; not the channel to the parent, nor files that are still being loaded. */
const HANDLES = /TCP|TLS|Shutdown|Timeout/;
/** Turns of the event loop for which an async handler is busy. */
const BUSY_TURNS = 5;

const census = new Census();
const codes = new Map<string, number>();
const errors = new Map<string, number>();
const left: number[][] = [];
let wss: WebSocketServer;
let leak = 0;
let opened = 0;
let closed = 0;
let drains = 0;
let waiting = 0;

/** What all connections do: an echo, and ends on demand. */
class Echo {
  onOpen(ws: WebSocketConnection): void {
    opened++;
    census.add(ws);
    if (leak > 0) left.push(Array.from({ length: leak }, Math.random));
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string | Uint8Array>): unknown {
    if (data === "ping") void settled(ws.ping()).then((ms) => ws.send(typeof ms));
    else if (data === "terminate") ws.terminate(4000, "as you wish");
    else if (data === "throw") throw new Error("as you wish");
    else ws.send(data);
    return undefined;
  }

  onError(_ws: WebSocketConnection, event: WSErrorEvent): void {
    count(errors, event.errors[0].errCode);
  }

  onDrain(): void {
    drains++;
  }

  onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent): void {
    closed++;
    count(codes, code);
  }
}

/** The same, after a while. */
class BusyEcho extends Echo {
  override async onMessage(ws: WebSocketConnection, event: WSMessageEvent<string | Uint8Array>): Promise<unknown> {
    for (let i = 0; i < BUSY_TURNS; i++) await turn();
    return super.onMessage(ws, event);
  }
}

/** In `onOpen` sends more than the system takes at once, and waits until it is drained. */
class Flood extends Echo {
  override onOpen(ws: WebSocketConnection): void {
    super.onOpen(ws);
    for (let i = 0; i < FLOOD_MESSAGES; i++) ws.send(FLOOD);
    void settled(ws.drained()).then((drained) => ws.send(String(drained)));
  }
}

/** The path decides who answers. */
function onConnection(_wss: unknown, { request }: WSConnectionEvent): unknown {
  if (request.url === "/refused") return refuse(401, "Not you.");
  if (request.url === "/busy") return new BusyEcho();
  if (request.url === "/flood") return new Flood();
  if (request.url === "/late") return turn().then(() => new BusyEcho());
  return new Echo();
}

/** How many there are of the kinds that a server makes. */
function handles(): number {
  return process.getActiveResourcesInfo().filter((kind) => HANDLES.test(kind)).length;
}

/** Waits until all connections are closed. Waits twice, because a reset connection may arrive after the others. */
async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await until(() => opened === closed && handles() <= 1, PATIENCE);
    await pause(PAUSE);
  }
}

/** Counts a promise until it settles. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  waiting++;
  const value = await promise;
  waiting--;
  return value;
}

function count(counts: Map<string, number>, key: number): void {
  counts.set(String(key), (counts.get(String(key)) ?? 0) + 1);
}

const methods: SoakServer = {
  listen(plan) {
    ({ leak } = plan);
    return new Promise((resolve, reject) => {
      const handler = {
        onConnection,
        onOpen: (server: WebSocketServer) => resolve((server.address() as AddressInfo).port),
        onError: (_wss: unknown, { errors: [error] }: WSErrorEvent) => {
          count(errors, error.errCode);
          reject(new Error(error.message));
        },
      };
      wss = new WebSocketServer(handler as never, {
        port: 0,
        host: "127.0.0.1",
        dataType: "auto",
        maxMessageSize: MAX_MESSAGE_SIZE,
        closeTimeout: CLOSE_TIMEOUT,
      });
    });
  },

  async holdings() {
    await settle();
    const held = (): number => census.size - wss.connections.length;
    let memory = await weigh();
    for (let i = 0; i < MORE_COLLECTIONS && held() > 0; i++) memory = await weigh();
    return {
      ...memory,
      handles: handles(),
      connections: wss.connections.length,
      opened,
      closed,
      held: held(),
      waiting,
    };
  },

  counts: () => ({
    codes: Object.fromEntries(codes),
    errors: Object.fromEntries(errors),
    drains,
    counters: wss.counters,
  }),

  async close() {
    await wss.terminate(1);
    await until(() => handles() === 0, PATIENCE);
    return handles();
  },
};

answerParent(methods);
