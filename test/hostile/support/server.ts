// A server in a child process, so that its memory can be measured. `Remote` starts it by its path and calls it.
import { createHook } from "node:async_hooks";
import type { AddressInfo } from "node:net";
import {
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSMessageStartEvent,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { receiveBudget } from "../../../src/connection/receiving/receive-budget.ts";
import { certificate } from "../../support/certificate.ts";
import { serve } from "./remote.ts";

/** Counts, by code. */
export type CodeCounts = Record<number, number>;

/** The resources, and the calls of callbacks since the server started. */
export interface State {
  /** The length of `wss.connections`. */
  readonly connections: number;
  /** Connections that are no longer in the list, whose handlers still work on messages or on `onTerminate`. */
  readonly leaving: number;
  /** Bytes that wait for busy handlers, as the budget of the process has them. */
  readonly waiting: number;
  /** How often they were more than `maxTotalReceiveQueue`. */
  readonly tooMuchWaiting: number;
  /** TCP sockets of the process. */
  readonly sockets: number;
  /** Timers that are set. */
  readonly timers: number;
  /** Topics that have a subscriber. */
  readonly topics: number;
  /** Requests to subscribe that were refused. */
  readonly refusedTopics: number;
  /** Requests to subscribe that had to wait. */
  readonly delayedTopics: number;
  /** Calls of `onConnection` for the path `/late`. */
  readonly asked: number;
  /** Calls of `onOpen`. */
  readonly opened: number;
  /** Calls of `onMessage`. */
  readonly messages: number;
  /** Those of them for the path `/sink`. */
  readonly sunk: number;
  /** Bytes of messages that were read as streams. */
  readonly streamed: number;
  /** Calls of `onError` of connections, by `errCode`. */
  readonly errors: CodeCounts;
  /** Calls of `onTerminate`, by the close code. */
  readonly ended: CodeCounts;
  /** Calls of `onTerminate` without `onOpen`: the client had gone, or was refused, before `onConnection` settled. */
  readonly tooLate: number;
  /** Calls of `onError` of the server, and warnings of the process. */
  readonly complaints: readonly string[];
}

/** The memory of the process after garbage collection, in bytes. */
export interface Memory {
  /** The heap and the memory outside it: buffers, TLS. */
  readonly held: number;
  /** All pages, with the memory that the allocators keep. */
  readonly rss: number;
}

/** A path. It selects the behaviour: `/late` waits in `onConnection` for `release`, `/busy` in each `onMessage`, `/topics` grants each, `/stream` reads each message as a stream, `/held-stream` after `release`. */
export type Path = "/echo" | "/sink" | "/busy" | "/late" | "/topics" | "/stream" | "/held-stream";

/** Options that can be sent to another process. */
export type ServerOptions = Omit<WebSocketServerOptions, "server" | "tls" | "origins"> & {
  /** Uses TLS with the certificate of the tests. */
  readonly secure?: boolean;
};

let wss: WebSocketServer | undefined;
let limitCounters = newCounts();
let deferred = newGate();

interface Told {
  asked: number;
  opened: number;
  messages: number;
  sunk: number;
  streamed: number;
  readonly errors: CodeCounts;
  readonly ended: CodeCounts;
  tooLate: number;
  readonly complaints: string[];
}

function newCounts(): Told {
  return { asked: 0, opened: 0, messages: 0, sunk: 0, streamed: 0, errors: {}, ended: {}, tooLate: 0, complaints: [] };
}

function newGate(): { readonly promise: Promise<void>; readonly open: () => void } {
  const made = { open: (): void => undefined };
  const promise = new Promise<void>((resolve) => (made.open = resolve));
  return { promise, open: () => made.open() };
}

function count(of: CodeCounts, code: number): void {
  of[code] = (of[code] ?? 0) + 1;
}

/** The handler for all connections of a path, so that the test adds no memory to a connection. */
class Answerer {
  readonly #answer: (ws: WebSocketConnection, data: WSMessageEvent["data"]) => unknown;

  constructor(answer: (ws: WebSocketConnection, data: WSMessageEvent["data"]) => unknown) {
    this.#answer = answer;
  }

  onOpen(_ws: WebSocketConnection): void {
    limitCounters.opened++;
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent): unknown {
    limitCounters.messages++;
    return this.#answer(ws, data);
  }

  onError(_ws: unknown, { errors }: WSErrorEvent): void {
    count(limitCounters.errors, errors[0].errCode);
  }

  onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent): void {
    count(limitCounters.ended, code);
  }
}

/** The same for a path whose handler may come too late for its client. */
class LateAnswerer extends Answerer {
  readonly #opened = new WeakSet<WebSocketConnection>();

  override onOpen(ws: WebSocketConnection): void {
    this.#opened.add(ws);
    super.onOpen(ws);
  }

  override onTerminate(ws: WebSocketConnection, event: WSTerminateEvent): void {
    if (this.#opened.has(ws)) super.onTerminate(ws, event);
    else limitCounters.tooLate++;
  }
}

/** The same for a path whose clients may subscribe to any topic. */
class TopicAnswerer extends Answerer {
  onSubscribe(): boolean {
    return true;
  }
}

/** The same for a path whose messages are streams: read at once, or after `release`. */
class StreamAnswerer extends Answerer {
  readonly #waits: boolean;

  constructor(waits: boolean) {
    super(() => undefined);
    this.#waits = waits;
  }

  async onMessageStart(_ws: WebSocketConnection, { stream }: WSMessageStartEvent): Promise<void> {
    if (this.#waits) await deferred.promise;
    for await (const bytes of stream) limitCounters.streamed += bytes.length;
    limitCounters.messages++;
  }
}

const sink = new Answerer(() => {
  limitCounters.sunk++;
});
const late = new LateAnswerer(() => undefined);
const answerers: Readonly<Record<Path, Answerer>> = {
  "/echo": new Answerer((ws, data) => void ws.send(data)),
  "/sink": sink,
  "/busy": new Answerer(() => deferred.promise),
  "/late": late,
  "/stream": new StreamAnswerer(false),
  "/held-stream": new StreamAnswerer(true),
  "/topics": new TopicAnswerer(() => undefined),
};

const site = {
  onConnection(_wss: unknown, { request }: WSConnectionEvent): Answerer | Promise<Answerer> {
    if (request.url !== "/late") return answerers[request.url as Path];
    limitCounters.asked++;
    return deferred.promise.then(() => late);
  },
  onError(_wss: unknown, { errors }: WSErrorEvent): void {
    limitCounters.complaints.push(`onError: ${errors[0].message}`);
  },
};

process.on("warning", (warning) => limitCounters.complaints.push(`warning: ${warning.message}`));

/** How many handles of zlib the process has made since they are counted. */
let zlibHandles = 0;
const zlibHook = createHook({
  init(_id, type) {
    if (type === "ZLIB") zlibHandles++;
  },
});

/** The connections of a path. */
function of(path: Path): WebSocketConnection[] {
  return wss?.connections.filter((ws) => ws.handler === answerers[path]) ?? [];
}

/** Turns of the event loop without progress on any socket, after which the system's buffers count as full. */
const QUIET_TURNS = 50;

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const methods = {
  /** Starts a server, and ends the one before it. Returns its port. */
  async start({ secure = false, ...options }: ServerOptions): Promise<number> {
    deferred.open();
    await wss?.terminate(0);
    limitCounters = newCounts();
    deferred = newGate();
    const place = { port: 0, host: "127.0.0.1", ...(secure ? { tls: certificate } : {}) };
    const made = new WebSocketServer(site, { ...place, dataType: "auto", ...options });
    wss = made;
    while (made.address() === null) await turn();
    return (made.address() as AddressInfo).port;
  },

  /** The resources, and the calls of callbacks. */
  state(): State {
    const resources = process.getActiveResourcesInfo();
    const active = (name: string): number => resources.filter((resource) => resource === name).length;
    return {
      connections: wss?.connections.length ?? 0,
      leaving: wss?.counters.connections.leaving ?? 0,
      waiting: receiveBudget.total,
      topics: wss?.counters.topics ?? 0,
      refusedTopics: wss?.counters.topicRequests.refused ?? 0,
      delayedTopics: wss?.counters.topicRequests.delayed ?? 0,
      tooMuchWaiting: wss?.counters.limits.maxTotalReceiveQueue ?? 0,
      sockets: active("TCPSocketWrap"),
      timers: active("Timeout"),
      ...limitCounters,
    };
  },

  /** Begins to count the handles of zlib that the process makes. Returns how many were made since the first call. */
  zlibHandles(): number {
    zlibHook.enable();
    return zlibHandles;
  },

  /** The memory after garbage collection, in bytes. */
  async memory(): Promise<Memory> {
    // The second run collects what the first one has finalized.
    globalThis.gc?.();
    await turn();
    globalThis.gc?.();
    // Another thread releases the buffers: wait for it.
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    // `external` includes the array buffers.
    return { held: heapUsed + external, rss };
  },

  /** Settles what `/late` and `/busy` wait for. */
  release(): void {
    deferred.open();
  },

  /** Sends messages of `size` bytes to each connection of a path while at most `most` bytes wait for it. */
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

  /** Broadcasts this many messages of `size` bytes. */
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

  /** Shuts down. Settles when the server has terminated. */
  async stop(seconds: number): Promise<void> {
    await wss?.terminate(seconds);
  },
};

/** The methods of the server process. */
export type ServerMethods = typeof methods;

serve(methods);
