import type { Argument, ConnectionEvents, Master, RedisConnection, RedisLibrary } from "./connection.ts";
import { mastersOf, wholeServer } from "./masters.ts";

type Listener = (message: Buffer, channel: Buffer) => void;

/** A client of node-redis (`createClient`). */
export interface NodeRedisClient {
  /** The options it was made with. */
  readonly options?: { readonly socket?: object } | undefined;
  /** Makes a client with the same options and these. */
  duplicate(options: object): NodeRedisClient;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Sends a command. */
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
  /** Subscribes to channels. */
  subscribe(channels: readonly string[], listener: Listener, isBuffer: true): Promise<unknown>;
  /** Subscribes to channels of a cluster. */
  sSubscribe(channels: readonly string[], listener: Listener, isBuffer: true): Promise<unknown>;
  /** Ends subscriptions. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Ends subscriptions of a cluster. */
  sUnsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Ends the connection. */
  destroy(): void;
  /** Registers a listener. */
  on(event: string, listener: (first: unknown, second: unknown) => void): unknown;
}

/** A cluster client of node-redis (`createCluster`). */
export interface NodeRedisCluster {
  /** The servers of each slot. */
  readonly slots: readonly ({ readonly master: object } | undefined)[];
  /** Makes a client with the same servers and options, and these. */
  duplicate(options?: object): NodeRedisCluster;
  /** Connects. */
  connect(): Promise<unknown>;
  /** The client of one server. */
  nodeClient(node: object): NodeRedisClient | Promise<NodeRedisClient>;
  /** Ends all connections. */
  destroy(): void;
  /** Registers a listener. */
  on(event: string, listener: (first: unknown, second: unknown) => void): unknown;
}

/** The type of texts in answers, as node-redis names it (`RESP_TYPES.BLOB_STRING`). */
const BLOB_STRING = 36;

/** Version 5.0 asks for them with each command. */
const COMMAND_OPTIONS = { timeout: undefined, typeMapping: { [BLOB_STRING]: Buffer } };

/** A server, by node-redis. */
export function nodeRedisServer(client: NodeRedisClient): RedisLibrary {
  const masters = wholeServer((events) => new NodeRedisConnection(client, events, false));
  return { isCluster: false, findMasters: () => Promise.resolve(masters) };
}

/** A cluster, by node-redis. */
export function nodeRedisCluster(client: NodeRedisCluster): RedisLibrary {
  return { isCluster: true, findMasters: (signal) => findMasters(client, signal) };
}

/** Asks with a client of its own, which knows the slots when it is connected. */
async function findMasters(client: NodeRedisCluster, signal: AbortSignal): Promise<readonly Master[]> {
  const finder = client.duplicate();
  let last: unknown = new Error("The cluster cannot be reached");
  finder.on("error", (error) => (last = error));
  finder.on("node-error", (error) => (last = error));
  const given = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(last as Error), { once: true });
  });
  try {
    await Promise.race([finder.connect(), given]);
    const masters = new Set(finder.slots.map((slot) => slot?.master).filter((master) => master !== undefined));
    const clients = Array.from(masters, async (master) => [master, await finder.nodeClient(master)] as const);
    const known = new Map(await Promise.race([Promise.all(clients), given]));
    return mastersOf(
      (slot) => finder.slots[slot]?.master,
      (master) => {
        const node = known.get(master);
        return node && ((events) => new NodeRedisConnection(node, events, true));
      },
    );
  } finally {
    destroy(finder);
  }
}

/** A connection by node-redis. It writes all commands of a turn at once. */
class NodeRedisConnection implements RedisConnection {
  readonly ready: Promise<unknown>;
  readonly #client: NodeRedisClient;
  readonly #isSharded: boolean;
  readonly #listener: Listener;

  constructor(client: NodeRedisClient, { onMessage, onEnd }: ConnectionEvents, isSharded: boolean) {
    // It must tell what has happened, and do nothing by itself.
    this.#client = client.duplicate({
      disableOfflineQueue: true,
      commandOptions: COMMAND_OPTIONS,
      commandsQueueMaxLength: undefined,
      pingInterval: undefined,
      clientSideCache: undefined,
      // It would change the names of the keys in one place, and not in the other.
      keyPrefix: undefined,
      readonly: false,
      socket: { ...client.options?.socket, reconnectStrategy: false, socketTimeout: undefined },
    });
    this.#isSharded = isSharded;
    this.#listener = (message, channel) => onMessage(channel, message);
    this.#client.on("error", onEnd);
    this.#client.on("end", () => onEnd(new Error("The connection to Redis has ended")));
    // A slot, and the channels of it, have moved to another server.
    this.#client.on("sharded-channel-moved", () => onEnd(new Error("MOVED")));
    this.ready = this.#client.connect();
  }

  send(args: readonly Argument[]): Promise<unknown> {
    return this.#client.sendCommand(args, COMMAND_OPTIONS);
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    if (this.#isSharded) return this.#client.sSubscribe(channels, this.#listener, true);
    return this.#client.subscribe(channels, this.#listener, true);
  }

  unsubscribe(channels: readonly string[]): Promise<unknown> {
    return this.#isSharded ? this.#client.sUnsubscribe(channels) : this.#client.unsubscribe(channels);
  }

  destroy(): void {
    destroy(this.#client);
  }
}

function destroy(client: NodeRedisClient | NodeRedisCluster): void {
  try {
    client.destroy();
  } catch {
    // Version 5 throws if it is not connected.
  }
}
