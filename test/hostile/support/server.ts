// A server in a process of its own, so that its memory can be measured: run by its path, asked by `Remote`.
import type { AddressInfo } from "node:net";
import {
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { certificate } from "../../support/certificate.ts";
import { serve } from "./remote.ts";

/** How often things were told, by their code. */
export type Tally = Record<number, number>;

/** What is there, and what the callbacks were told since the server started. */
export interface State {
  /** In `wss.connections`. */
  readonly connections: number;
  /** TCP sockets that the process holds. */
  readonly sockets: number;
  /** Timers that are set. */
  readonly timers: number;
  /** Calls of `onConnection` for the path `/late`. */
  readonly asked: number;
  /** Calls of `onOpen`. */
  readonly opened: number;
  /** Calls of `onMessage`. */
  readonly messages: number;
  /** Calls of `onError` of connections, by `errCode`. */
  readonly errors: Tally;
  /** Calls of `onTerminate`, by the close code. */
  readonly ended: Tally;
  /** Calls of `onError` of the server, and warnings of the process. */
  readonly complaints: readonly string[];
}

/** Bytes that the process holds once the garbage is collected. */
export interface Memory {
  /** The heap, and what lies outside of it: buffers, TLS. */
  readonly held: number;
  /** All pages, with what the allocators keep for later. */
  readonly rss: number;
}

/** A path, and how its connections behave: `/late` waits in `onConnection`, `/busy` in each `onMessage`, for `release`. */
export type Path = "/echo" | "/sink" | "/busy" | "/late";

/** Options that can be told to another process. */
export type ServerOptions = Omit<WebSocketServerOptions, "server" | "tls" | "origins"> & {
  /** With the certificate of the tests. */
  readonly secure?: boolean;
};

let wss: WebSocketServer | undefined;
let limitCounters = newTally();
let gate = newGate();

interface Told {
  asked: number;
  opened: number;
  messages: number;
  readonly errors: Tally;
  readonly ended: Tally;
  readonly complaints: string[];
}

function newTally(): Told {
  return { asked: 0, opened: 0, messages: 0, errors: {}, ended: {}, complaints: [] };
}

function newGate(): { readonly promise: Promise<void>; readonly open: () => void } {
  const made = { open: (): void => undefined };
  const promise = new Promise<void>((resolve) => (made.open = resolve));
  return { promise, open: () => made.open() };
}

function count(of: Tally, code: number): void {
  of[code] = (of[code] ?? 0) + 1;
}

/** Serves all connections of a path, so that a connection holds nothing of the test's own. */
class Answerer {
  readonly #answer: (ws: WebSocketConnection, data: WSMessageEvent["data"]) => unknown;

  constructor(answer: (ws: WebSocketConnection, data: WSMessageEvent["data"]) => unknown) {
    this.#answer = answer;
  }

  onOpen(): void {
    limitCounters.opened++;
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent): unknown {
    limitCounters.messages++;
    return this.#answer(ws, data);
  }

  onError(_ws: unknown, { errors }: WSErrorEvent): void {
    count(limitCounters.errors, errors[0].errCode);
  }

  onTerminate(_ws: unknown, { code }: WSTerminateEvent): void {
    count(limitCounters.ended, code);
  }
}

const sink = new Answerer(() => undefined);
const late = new Answerer(() => undefined);
const answerers: Readonly<Record<Path, Answerer>> = {
  "/echo": new Answerer((ws, data) => void ws.send(data)),
  "/sink": sink,
  "/busy": new Answerer(() => gate.promise),
  "/late": late,
};

const site = {
  onConnection(_wss: unknown, { request }: WSConnectionEvent): Answerer | Promise<Answerer> {
    if (request.url !== "/late") return answerers[request.url as Path];
    limitCounters.asked++;
    return gate.promise.then(() => late);
  },
  onError(_wss: unknown, { errors }: WSErrorEvent): void {
    limitCounters.complaints.push(`onError: ${errors[0].message}`);
  },
};

process.on("warning", (warning) => limitCounters.complaints.push(`warning: ${warning.message}`));

/** The connections of a path. */
function of(path: Path): WebSocketConnection[] {
  return wss?.connections.filter((ws) => ws.handler === answerers[path]) ?? [];
}

/** Turns of the event loop in which no socket takes anything any more: then the system's buffers are full. */
const QUIET_TURNS = 50;

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const methods = {
  /** Starts a server, and ends the one before it. Returns its port. */
  async start({ secure = false, ...options }: ServerOptions): Promise<number> {
    gate.open();
    await wss?.terminate(0);
    limitCounters = newTally();
    gate = newGate();
    const place = { port: 0, host: "127.0.0.1", ...(secure ? { tls: certificate } : {}) };
    const made = new WebSocketServer(site, { ...place, dataType: "auto", ...options });
    wss = made;
    while (made.address() === null) await turn();
    return (made.address() as AddressInfo).port;
  },

  /** What is there, and what was told. */
  state(): State {
    const resources = process.getActiveResourcesInfo();
    const active = (name: string): number => resources.filter((resource) => resource === name).length;
    return {
      connections: wss?.connections.length ?? 0,
      sockets: active("TCPSocketWrap"),
      timers: active("Timeout"),
      ...limitCounters,
    };
  },

  /** The bytes that are held once the garbage is collected. */
  async memory(): Promise<Memory> {
    // What the first run finds to be finalized, the second collects.
    globalThis.gc?.();
    await turn();
    globalThis.gc?.();
    // Buffers are given back by another thread, which this one waits for.
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    // `external` has the array buffers in it.
    return { held: heapUsed + external, rss };
  },

  /** Settles what `/late` and `/busy` wait for. */
  release(): void {
    gate.open();
  },

  /** Sends messages of `size` bytes to each connection of a path as long as no more than `most` bytes wait for it. */
  async fill(path: Path, size: number, most: number): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      for (const ws of of(path)) {
        while (ws.status === "Connected" && ws.bufferedAmount + size <= most) {
          ws.send(Buffer.alloc(size));
          quiet = 0;
        }
      }
      await turn();
    }
  },

  /** Sends messages of `size` bytes to each connection of a path until none is connected. */
  async overfill(path: Path, size: number): Promise<void> {
    for (let open = of(path); open.length > 0; open = open.filter((ws) => ws.status === "Connected")) {
      for (const ws of open) ws.send(Buffer.alloc(size));
      await turn();
    }
  },

  /** Sends so many messages of `size` bytes to all connections, each once for all of them. */
  async broadcast(size: number, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      wss?.broadcast(Buffer.alloc(size), { except: of("/echo") });
      await turn();
    }
  },

  /** Closes all connections of a path. */
  terminate(path: Path, code: number): void {
    for (const ws of of(path)) ws.terminate(code);
  },

  /** Goes down. Settles when the server has. */
  async stop(seconds: number): Promise<void> {
    await wss?.terminate(seconds);
  },
};

/** What the server can be asked. */
export type ServerMethods = typeof methods;

serve(methods);
