// A node of the chaos: a WebSocket server that Redis joins with others, in a process of its own.
import type { AddressInfo } from "node:net";
import {
  type BackplaneState,
  type WSBackplaneEvent,
  type WSConnectionEvent,
  type WSMessageEvent,
  type WSSubscribeEvent,
  type WebSocketConnection,
  WebSocketServer,
} from "hawser";
import { redis } from "hawser/redis";
import { connect } from "hawser/testing";
import { Redis } from "ioredis";
import { answerParent } from "../child.ts";
import type { Address } from "./proxy.ts";
import { OBSERVER, PRESENCE_TOPIC } from "./topics.ts";

/** How a node runs. */
export interface NodePlan {
  readonly redis: Address;
  /** Where it listens. */
  readonly host: string;
  /** The messages that a topic keeps. */
  readonly size: number;
  /** Other options of the server. */
  readonly options: { readonly publishTimeout?: number };
}

/** A change of the status of the backplane. */
export interface StatusChange {
  readonly status: BackplaneState["status"];
  /** As `Date.now()`. */
  readonly at: number;
}

/** What a node tells. */
export interface NodeState {
  readonly name: string;
  readonly status: BackplaneState["status"];
  readonly changes: readonly StatusChange[];
  readonly counters: BackplaneState["counters"];
  readonly history: WebSocketServer["counters"]["history"];
  readonly limits: WebSocketServer["counters"]["limits"];
  readonly connections: number;
  /** The most bytes that wait for one connection. */
  readonly buffered: number;
  /** How often `onError` was told an error, by its code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly memory: { readonly rss: number; readonly used: number };
}

/** The methods of a node. */
export interface ChaosNode {
  /** Starts it. Returns its port. */
  readonly listen: (plan: NodePlan) => Promise<number>;
  readonly state: () => NodeState;
  readonly terminate: (seconds: number) => Promise<void>;
  /** The members of the topic in which clients are present. */
  readonly presence: () => Promise<number>;
  /** Subscribes connections in this process to many topics. Returns how many subscriptions reach other nodes. */
  readonly subscribeMany: (plan: { readonly connections: number; readonly topics: number }) => Promise<number>;
  /** Publishes a message to each of the topics of `subscribeMany`. */
  readonly publishMany: (plan: { readonly topics: number; readonly bytes: number }) => Promise<void>;
}

const changes: StatusChange[] = [];
const errors: Record<string, number> = {};
let wss: WebSocketServer;

/** A client that subscribes. */
class Subscriber {
  readonly #user: string;

  constructor(user: string) {
    this.#user = user;
  }

  onSubscribe(_ws: unknown, { topic }: WSSubscribeEvent): boolean | { presence: { id: string } } {
    return topic === PRESENCE_TOPIC && this.#user !== OBSERVER ? { presence: { id: this.#user } } : true;
  }

  onMessage(): void {
    // It only gets messages.
  }
}

/** A client that publishes: it sends a number, a topic and a message, and gets the number and what has become of it. */
const publisher = {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent): void {
    const [number = "", topic = ""] = data.split(" ", 2);
    const message = data.slice(number.length + topic.length + 2);
    wss.publish(topic, message).then(
      () => ws.send(`${number} ok`),
      (error: unknown) => ws.send(`${number} ${String((error as { code?: unknown }).code)}`),
    );
  },
};

const handler = {
  onConnection: (_wss: WebSocketServer, { request }: WSConnectionEvent) =>
    request.query["publisher"] === undefined ? new Subscriber(String(request.query["user"])) : publisher,
  onBackplane: (_wss: WebSocketServer, { status }: WSBackplaneEvent) => void changes.push({ status, at: Date.now() }),
  onError: (_wss: WebSocketServer, event: { errors: readonly { cause: unknown }[] }) => {
    const code = String((event.errors[0]?.cause as { code?: unknown } | undefined)?.code);
    errors[code] = (errors[code] ?? 0) + 1;
  },
};

/** A topic of `subscribeMany`. */
const manyTopic = (n: number): string => `h/many/${String(n)}`;

const methods: ChaosNode = {
  async listen({ redis: { host, port }, host: own, size, options }) {
    const client = new Redis({ host, port, lazyConnect: true });
    wss = new WebSocketServer(handler, {
      port: 0,
      host: own,
      backplane: redis(client),
      history: { "h/*": { size, ttl: 600_000 } },
      maxConnections: Infinity,
      maxConnectionsPerAddress: Infinity,
      ...options,
    });
    await wss.ready;
    return (wss.address() as AddressInfo).port;
  },
  state() {
    const { node, status, counters } = wss.backplane;
    const { history, limits } = wss.counters;
    const { rss, heapUsed, external } = process.memoryUsage();
    let buffered = 0;
    for (const ws of wss.connections) buffered = Math.max(buffered, ws.bufferedAmount);
    const connections = wss.connections.length;
    const memory = { rss, used: heapUsed + external };
    return { name: node, status, changes, counters, history, limits, connections, buffered, errors, memory };
  },
  terminate: (seconds) => wss.terminate(seconds),
  presence: async () => (await wss.presence(PRESENCE_TOPIC)).total,
  async subscribeMany({ connections, topics }) {
    let remote = 0;
    for (let i = 0; i < connections; i++) {
      await connect(wss, { url: "/?user=many" });
      const ws = [...wss.connections].at(-1);
      if (ws === undefined) throw new Error("no connection");
      const each = Array.from({ length: topics }, (_, n) => ws.subscribe(manyTopic(i * topics + n)));
      for (const subscription of await Promise.all(each)) if (subscription.remote) remote++;
    }
    return remote;
  },
  async publishMany({ topics, bytes }) {
    const message = "x".repeat(bytes);
    await Promise.all(Array.from({ length: topics }, (_, n) => wss.publish(manyTopic(n), message)));
  },
};

answerParent(methods);
