import { Redis } from "ioredis";
import { RedisServer } from "../../../test/support/redis/server.ts";
import { requirements } from "../../requirements.ts";
import { Child } from "../child.ts";
import { mustEnd } from "./ends.ts";
import type { Namespace } from "./namespace.ts";
import type { ChaosNode, NodePlan, NodeState } from "./node.ts";
import { type Address, TcpProxy } from "./proxy.ts";
import type { Scale } from "./record.ts";
import type { Totals, Traffic, TrafficPlan } from "./traffic.ts";

/** What a row needs. */
export interface RigPlan {
  readonly scale: Scale;
  /** Arguments of redis-server. */
  readonly redis?: readonly string[];
  /** The broker is started later. */
  readonly isLate?: boolean;
  /** How many nodes. Default: as the scale says. */
  readonly nodes?: number;
  /** The messages that a topic keeps. Default 10,000. */
  readonly size?: number;
  readonly options?: NodePlan["options"];
  /** The first node runs in it. */
  readonly namespace?: Namespace | undefined;
  /** Clients reach the nodes by proxies. */
  readonly clientProxies?: boolean;
}

/** A node, and how it is reached. */
export interface RunningNode {
  readonly process: Child<ChaosNode>;
  /** Between the node and the broker. */
  readonly proxy: TcpProxy;
  readonly url: string;
}

/** Milliseconds within which nodes that were joined again are found: far more than it takes. */
const PATIENCE = 60_000;

/** Milliseconds in which nothing comes until a message is lost: a silent topic is looked at every 36 s. */
const SILENCE = 45_000;

const POLL = 25;

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The path of redis-server. */
export function redisPath(): string {
  const path = requirements.redis.find();
  if (path === undefined) throw new Error("redis-server is missing (Debian: redis-server)");
  return path;
}

/** A broker, nodes that it joins, and clients. */
export class Rig {
  readonly redis: RedisServer;
  /** A client of the broker for the row itself. */
  readonly admin: Redis;
  readonly traffic = new Child<Traffic>("chaos/traffic.ts");
  readonly nodes: RunningNode[] = [];
  /** Between the clients and the nodes. */
  readonly clientProxies: TcpProxy[] = [];
  readonly #plan: RigPlan;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(plan: RigPlan, redis: RedisServer) {
    this.#plan = plan;
    this.redis = redis;
    this.admin = new Redis({ port: redis.port, host: "127.0.0.1", retryStrategy: () => 50 });
    this.admin.on("error", () => undefined);
    this.#ends.push(mustEnd(() => redis.end()));
    this.#ends.push(mustEnd(() => this.admin.disconnect()));
    this.#ends.push(mustEnd(() => this.traffic.stop()));
  }

  /** Starts one, runs the body, and ends all. */
  static async run<T>(plan: RigPlan, body: (rig: Rig) => Promise<T>): Promise<T> {
    const { redis = [], isLate = false, scale, nodes = scale.nodes } = plan;
    const server = isLate ? await RedisServer.prepare(redisPath(), redis) : await RedisServer.start(redisPath(), redis);
    const rig = new Rig(plan, server);
    try {
      await Promise.all(Array.from({ length: nodes }, async (_, n) => (rig.nodes[n] = await rig.startNode(n))));
      await rig.tellNodes();
      if (!isLate) await rig.whenAll("ready", 0);
      return await body(rig);
    } finally {
      await rig.#end();
    }
  }

  /** Starts a node. */
  async startNode(n: number): Promise<RunningNode> {
    const { namespace, size = 10_000, options = {} } = this.#plan;
    const apart = n === 0 ? namespace : undefined;
    const proxy = await TcpProxy.start(this.broker, apart?.brokerHost);
    this.#ends.push(mustEnd(() => proxy.close()));
    const node = new Child<ChaosNode>("chaos/node.ts", [], apart?.runner);
    this.#ends.push(mustEnd(() => node.stop()));
    const redis = { host: apart?.brokerHost ?? "127.0.0.1", port: proxy.port };
    const host = apart === undefined ? "127.0.0.1" : "0.0.0.0";
    const port = await node.call("listen", { redis, host, size, options });
    const address = { host: apart?.nodeHost ?? "127.0.0.1", port };
    return { process: node, proxy, url: await this.#urlOf(address) };
  }

  /** Ends a node at once, and starts another one in its place. */
  async replaceNode(n: number): Promise<void> {
    const old = this.nodes[n];
    if (old === undefined) throw new Error("there is no such node");
    await old.process.stop();
    this.nodes[n] = await this.startNode(n);
    await this.tellNodes();
  }

  /** Where the broker is. */
  get broker(): Address {
    return { host: "127.0.0.1", port: this.redis.port };
  }

  /** Tells the clients where the nodes are. */
  async tellNodes(): Promise<void> {
    await this.traffic.call(
      "setNodes",
      this.nodes.map(({ url }) => url),
    );
  }

  /** Connects the clients of the scale. They subscribe, and the publishers begin. */
  async begin(plan: Partial<TrafficPlan> = {}): Promise<void> {
    const { clients, topics, publishers, rate } = this.#plan.scale;
    const usual = { clients, topics, publishers, rate, topicsPerClient: 4, padding: 100, members: 20 };
    const opened = this.traffic.call("open", { plan: { ...usual, ...plan }, persistent: true });
    if (this.#plan.isLate !== true) await opened;
    await this.traffic.call("start");
    await opened;
    await this.traffic.call("presence");
  }

  /** What all nodes tell. */
  states(): Promise<NodeState[]> {
    return Promise.all(this.nodes.map(({ process }) => process.call("state")));
  }

  /**
   * Waits until all nodes have come into a status after this time, and are in it.
   *
   * @returns milliseconds until the last one
   */
  async whenAll(status: "ready" | "away", since: number, nodes: readonly RunningNode[] = this.nodes): Promise<number> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const states = await Promise.all(nodes.map(({ process }) => process.call("state")));
      const times = states.map(({ changes }) =>
        status === "ready"
          ? changes.at(-1)?.status === "ready" && changes.at(-1)?.at
          : changes.find((change) => change.status === status && change.at >= since)?.at,
      );
      const late = times.filter((at) => typeof at !== "number" || at < since).length;
      if (late === 0) return Math.max(...times.map((at) => Number(at) - since));
      if (Date.now() > end) throw new Error(`${String(late)} nodes did not become ${status}`);
      await pause(POLL);
    }
  }

  /** Stops the publishers, waits for what is under way, and compares. */
  finish(patience = SILENCE): Promise<Totals> {
    return this.traffic.call("finish", patience);
  }

  async #urlOf(address: Address): Promise<string> {
    let { port } = address;
    if (this.#plan.clientProxies === true) {
      const proxy = await TcpProxy.start(address);
      this.#ends.push(mustEnd(() => proxy.close()));
      this.clientProxies.push(proxy);
      ({ port } = proxy);
    }
    return `ws://${address.host}:${String(port)}`;
  }

  async #end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}
