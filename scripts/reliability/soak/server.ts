// The server of the soak, in a process of its own: the parent process reads its memory and its counters.
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
import { ObjectCounter, type Memory, measureProcessMemory } from "../memory.ts";
import { waitUntil } from "../wait.ts";

/** The memory and the resources of the server, and the events so far. */
export interface Holdings extends Memory {
  /** Sockets, servers and timers of the process. Without a connection it is only the listening socket. */
  readonly handles: number;
  /** `wss.connections.length`. */
  readonly connections: number;
  /** Calls of `onOpen` of connections. */
  readonly opened: number;
  /** Calls of `onTerminate` of connections. */
  readonly closed: number;
  /** Connection objects that are still in memory. */
  readonly held: number;
  /** Promises of `ws.ping()` and `ws.drained()` that have not settled. */
  readonly waiting: number;
}

/** The counters of the server, and the events of its handlers. */
export interface Counts {
  /** The number of connections for each code of `onTerminate`. */
  readonly codes: Readonly<Record<string, number>>;
  /** The number of errors for each `errCode` of `onError`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls of `onDrain`. */
  readonly drains: number;
  /** `wss.counters`, the counters of the library. */
  readonly counters: ServerCounters;
}

/** The settings of the server. */
export interface ServerPlan {
  /** Numbers that stay in memory after each connection, to test that the soak finds leaks; 0: none. */
  readonly leak: number;
}

/** The methods of this process. */
export interface SoakServer {
  /** Starts the server. Returns its port. */
  readonly listen: (plan: ServerPlan) => Promise<number>;
  /** Waits until no connection is left, collects garbage, and returns what is still in memory. */
  readonly holdings: () => Promise<Holdings>;
  /** The counters so far. */
  readonly counts: () => Counts;
  /** Closes the server. Returns the number of handles that are left. */
  readonly close: () => Promise<number>;
}

/** More than the longest valid message. One scenario sends a message that is longer. */
const MAX_MESSAGE_SIZE = 128 * 1024;
/** Short, because some peers do not answer the close frame, and each batch waits for them. */
const CLOSE_TIMEOUT = 250;
/** How often garbage is collected again if connections are still in memory: the first time may be too early. */
const MORE_COLLECTIONS = 5;
/** Milliseconds to wait for the end of all connections. */
const TIME_LIMIT = 10_000;
const PAUSE = 50;
/** Far more than the buffers of the sockets take while the peer does not read. */
const FLOOD = new Uint8Array(512 * 1024).fill(3);
const FLOOD_MESSAGES = 12;
/** Sockets, servers and timers, but not the channel to the parent, or files that are being loaded. */
const HANDLES = /TCP|TLS|Shutdown|Timeout/;
/** Turns of the event loop for which an async handler is busy. */
const BUSY_TURNS = 5;

const liveConnections = new ObjectCounter();
const codes = new Map<string, number>();
const errors = new Map<string, number>();
const leaked: number[][] = [];
let wss: WebSocketServer;
let leak = 0;
let opened = 0;
let closed = 0;
let drains = 0;
let waiting = 0;

/** The handler of all connections: it echoes messages, and pings, closes or throws on request. */
class Echo {
  onOpen(ws: WebSocketConnection): void {
    opened++;
    liveConnections.add(ws);
    if (leak > 0) leaked.push(Array.from({ length: leak }, Math.random));
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string | Uint8Array>): unknown {
    if (data === "ping") void settled(ws.ping()).then((ms) => ws.send(typeof ms));
    else if (data === "terminate") ws.terminate(4000, "on request");
    else if (data === "throw") throw new Error("on request");
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

/** The same, some turns later. */
class BusyEcho extends Echo {
  override async onMessage(ws: WebSocketConnection, event: WSMessageEvent<string | Uint8Array>): Promise<unknown> {
    for (let i = 0; i < BUSY_TURNS; i++) await turn();
    return super.onMessage(ws, event);
  }
}

/** Sends more in `onOpen` than the system takes at once, and waits until it is drained. */
class Flood extends Echo {
  override onOpen(ws: WebSocketConnection): void {
    super.onOpen(ws);
    for (let i = 0; i < FLOOD_MESSAGES; i++) ws.send(FLOOD);
    void settled(ws.drained()).then((drained) => ws.send(String(drained)));
  }
}

/** The path decides which handler a connection gets. */
function onConnection(_wss: unknown, { request }: WSConnectionEvent): unknown {
  if (request.url === "/refused") return refuse(401, "Refused by the test.");
  if (request.url === "/busy") return new BusyEcho();
  if (request.url === "/flood") return new Flood();
  if (request.url === "/late") return turn().then(() => new BusyEcho());
  return new Echo();
}

/** The number of handles of the kinds that a server creates. */
function handles(): number {
  return process.getActiveResourcesInfo().filter((kind) => HANDLES.test(kind)).length;
}

/** Waits until all connections are closed. Waits twice, because a reset connection may arrive after the others. */
async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await waitUntil(() => opened === closed && handles() <= 1, TIME_LIMIT);
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
    const held = (): number => liveConnections.size - wss.connections.length;
    let memory = await measureProcessMemory();
    for (let i = 0; i < MORE_COLLECTIONS && held() > 0; i++) memory = await measureProcessMemory();
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
    await waitUntil(() => handles() === 0, TIME_LIMIT);
    return handles();
  },
};

answerParent(methods);
