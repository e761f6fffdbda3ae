import type { Argument, ConnectionEvents, Master, RedisConnection, RedisLibrary } from "./connection.ts";
import { mastersOf, wholeServer } from "./masters.ts";

/** A `Redis` of ioredis. */
export interface IoredisClient {
  /** The socket. */
  readonly stream?: { cork(): void; uncork(): void; destroy(): void } | undefined;
  /** Makes a client with the same options and these. */
  duplicate(options: object): IoredisClient;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Sends a command. */
  callBuffer(...args: readonly Argument[]): Promise<unknown>;
  /** Ends the connection. */
  disconnect(): void;
  /** Registers a listener. */
  on(event: string, listener: (first: unknown, second: unknown) => void): unknown;
}

/** A `Cluster` of ioredis. */
export interface IoredisCluster {
  /** The names of the servers of each slot, first the master. */
  readonly slots: readonly (readonly string[] | undefined)[];
  /** Makes a client with the same servers and options, and these. */
  duplicate(nodes: readonly never[], options: object): IoredisCluster;
  /** Connects. */
  connect(): Promise<unknown>;
  /** The servers of one kind. */
  nodes(role: "master"): readonly (IoredisClient & { readonly options: { host?: string; port?: number } })[];
  /** Ends all connections. */
  disconnect(): void;
  /** Registers a listener. */
  on(event: string, listener: (first: unknown, second: unknown) => void): unknown;
}

// A test may replace it.
const { setImmediate } = globalThis;

/**
 * The connections must tell what has happened, and do nothing by themselves. By default ioredis keeps commands until it is connected
 * again, and then sends those again that may have run.
 */
const OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: null,
  sentinelRetryStrategy: () => null,
  reconnectOnError: null,
  commandTimeout: undefined,
  socketTimeout: undefined,
  enableAutoPipelining: false,
  readOnly: false,
  monitor: false,
  // It would change the names of the channels in one place, and not in the other.
  keyPrefix: "",
};

/** A server, or what its sentinels call the master, by ioredis. */
export function ioredisServer(client: IoredisClient): RedisLibrary {
  const masters = wholeServer((events) => new IoredisConnection(client, events, false));
  return { isCluster: false, findMasters: () => Promise.resolve(masters) };
}

/** A cluster, by ioredis. */
export function ioredisCluster(client: IoredisCluster): RedisLibrary {
  return { isCluster: true, findMasters: (signal) => findMasters(client, signal) };
}

/** Asks with a client of its own, which knows the slots when it is connected. */
async function findMasters(client: IoredisCluster, signal: AbortSignal): Promise<readonly Master[]> {
  const finder = client.duplicate([], { lazyConnect: true, clusterRetryStrategy: null, shardedSubscribers: true });
  try {
    await ended(finder, signal, finder.connect());
    const nodes = new Map(finder.nodes("master").map((node) => [nameOf(node.options), node]));
    return mastersOf(
      (slot) => finder.slots[slot]?.[0],
      (name) => {
        const node = nodes.get(name);
        return node && ((events) => new IoredisConnection(node, events, true));
      },
    );
  } finally {
    finder.disconnect();
  }
}

function nameOf({ host = "127.0.0.1", port = 6379 }: { host?: string; port?: number }): string {
  return `${host}:${port}`;
}

/** Waits for a cluster to be connected, which does not always tell that it has given up. */
function ended(finder: IoredisCluster, signal: AbortSignal, connected: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last = new Error("The cluster cannot be reached");
    finder.on("error", (error) => (last = error as Error));
    finder.on("node error", (error) => (last = error as Error));
    finder.on("end", () => reject(last));
    signal.addEventListener("abort", () => reject(last), { once: true });
    connected.then(resolve, () => reject(last));
  });
}

/** A connection by ioredis. */
class IoredisConnection implements RedisConnection {
  readonly ready: Promise<unknown>;
  readonly #client: IoredisClient;
  readonly #isSharded: boolean;
  #isCorked = false;

  constructor(client: IoredisClient, { onMessage, onEnd }: ConnectionEvents, isSharded: boolean) {
    this.#client = client.duplicate(OPTIONS);
    this.#isSharded = isSharded;
    let last: unknown = new Error("The connection to Redis has ended");
    this.#client.on("error", (error) => (last = error));
    this.#client.on("close", () => onEnd(last));
    this.#client.on("end", () => onEnd(last));
    // A slot, and the channels of it, have moved to another server.
    this.#client.on("moved", () => onEnd(new Error("MOVED")));
    this.#client.on(isSharded ? "smessageBuffer" : "messageBuffer", (channel, message) =>
      onMessage(channel as Buffer, message as Buffer),
    );
    this.ready = this.#client.connect();
  }

  send(args: readonly Argument[]): Promise<unknown> {
    this.#cork();
    return this.#client.callBuffer(...args);
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    return this.send([this.#isSharded ? "ssubscribe" : "subscribe", ...channels]);
  }

  unsubscribe(channels: readonly string[]): Promise<unknown> {
    return this.send([this.#isSharded ? "sunsubscribe" : "unsubscribe", ...channels]);
  }

  destroy(): void {
    this.#client.disconnect();
    // It would wait for the server.
    this.#client.stream?.destroy();
  }

  /** All commands of a turn leave in one write. */
  #cork(): void {
    const { stream } = this.#client;
    if (this.#isCorked || stream === undefined) return;
    this.#isCorked = true;
    stream.cork();
    setImmediate(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }
}
