import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { RedisConnection } from "../../src/redis/connection.ts";
import {
  type NodeRedisClient,
  type NodeRedisCluster,
  nodeRedisCluster,
  nodeRedisServer,
} from "../../src/redis/node-redis.ts";
import { noEvents } from "../support/redis/fake-connection.ts";

type Listener = (message: Buffer, channel: Buffer) => void;

/** A client that notes what it is asked. */
class FakeClient extends EventEmitter implements NodeRedisClient {
  readonly options = { socket: { host: "h" } };
  readonly given: object | undefined;
  readonly duplicates: FakeClient[] = [];
  readonly calls: string[] = [];
  listener: Listener = () => undefined;

  constructor(given?: object) {
    super();
    this.given = given;
  }

  duplicate(options: object): FakeClient {
    this.duplicates.push(new FakeClient(options));
    return this.duplicates.at(-1)!;
  }

  connect = (): Promise<unknown> => this.#note("connect");
  sendCommand = (args: readonly unknown[]): Promise<unknown> => this.#note(args.join(" "));
  unsubscribe = (channels: readonly string[]): Promise<unknown> => this.#note(`unsubscribe ${channels.join()}`);
  sUnsubscribe = (channels: readonly string[]): Promise<unknown> => this.#note(`sUnsubscribe ${channels.join()}`);
  destroy = (): void => void this.calls.push("destroy");

  subscribe(channels: readonly string[], listener: Listener): Promise<unknown> {
    this.listener = listener;
    return this.#note(`subscribe ${channels.join()}`);
  }

  sSubscribe(channels: readonly string[], listener: Listener): Promise<unknown> {
    this.listener = listener;
    return this.#note(`sSubscribe ${channels.join()}`);
  }

  async #note(call: string): Promise<unknown> {
    this.calls.push(call);
    return "OK";
  }
}

async function connectTo(client: FakeClient, events = noEvents): Promise<RedisConnection> {
  const [master] = await nodeRedisServer(client).findMasters(new AbortController().signal);
  return master!.connect(events);
}

test("a connection does nothing by itself, and leaves the client alone", async () => {
  const client = new FakeClient();
  const connection = await connectTo(client);
  await connection.ready;
  expect(client.calls).toEqual([]);
  expect(client.duplicates[0]!.given).toMatchObject({
    disableOfflineQueue: true,
    commandOptions: { timeout: undefined, typeMapping: { 36: Buffer } },
    socket: { host: "h", reconnectStrategy: false },
  });
});

test("commands, subscriptions and the end are passed on", async () => {
  const client = new FakeClient();
  const connection = await connectTo(client);
  expect(await connection.send(["get", "a"])).toBe("OK");
  await connection.subscribe(["b", "c"]);
  await connection.unsubscribe(["b"]);
  connection.destroy();
  expect(client.duplicates[0]!.calls).toEqual(["connect", "get a", "subscribe b,c", "unsubscribe b", "destroy"]);
});

test("a client that throws because it is not connected is ended", async () => {
  const client = new FakeClient();
  const connection = await connectTo(client);
  client.duplicates[0]!.destroy = () => {
    throw new Error("The client is closed");
  };
  expect(() => connection.destroy()).not.toThrow();
});

test("messages are told, and every error is the end", async () => {
  const client = new FakeClient();
  const told: string[] = [];
  const connection = await connectTo(client, {
    onMessage: (channel, message) => told.push(`${String(channel)} ${String(message)}`),
    onEnd: (reason) => told.push((reason as Error).message),
  });
  await connection.subscribe(["c"]);
  const [copy] = client.duplicates;
  copy!.listener(Buffer.from("m"), Buffer.from("c"));
  copy!.emit("error", new Error("reset"));
  copy!.emit("end");
  copy!.emit("sharded-channel-moved", "c");
  expect(told).toEqual(["c m", "reset", "The connection to Redis has ended", "MOVED"]);
});

/** A cluster of two servers. */
class FakeCluster extends EventEmitter implements NodeRedisCluster {
  readonly slots: { master: object }[] = [];
  readonly nodes = new Map<object, FakeClient>();
  readonly copies: FakeCluster[] = [];
  onConnect: () => Promise<unknown> = () => Promise.resolve();
  isEnded = false;

  duplicate(): FakeCluster {
    const copy = new FakeCluster();
    copy.slots.push(...this.slots);
    for (const [node, client] of this.nodes) copy.nodes.set(node, client);
    copy.onConnect = this.onConnect;
    this.copies.push(copy);
    return copy;
  }

  connect(): Promise<unknown> {
    return this.onConnect();
  }

  nodeClient(node: object): Promise<NodeRedisClient> {
    return Promise.resolve(this.nodes.get(node)!);
  }

  destroy(): void {
    this.isEnded = true;
  }
}

const find = (cluster: FakeCluster, signal = new AbortController().signal) =>
  nodeRedisCluster(cluster).findMasters(signal);

test("the masters of a cluster are found by a client of our own, which ends then", async () => {
  const cluster = new FakeCluster();
  const [one, two] = [{ id: 1 }, { id: 2 }];
  cluster.nodes.set(one, new FakeClient()).set(two, new FakeClient());
  for (let slot = 0; slot < 16_384; slot++) cluster.slots.push({ master: slot < 8_192 ? one : two });
  const masters = await find(cluster);
  expect(masters.map(({ partitions }) => partitions.length)).toEqual([128, 128]);
  expect([cluster.isEnded, cluster.copies[0]!.isEnded]).toEqual([false, true]);
  const connection = masters[1]!.connect(noEvents);
  await connection.subscribe(["c"]);
  await connection.unsubscribe(["c"]);
  expect(cluster.nodes.get(two)!.duplicates[0]!.calls).toEqual(["connect", "sSubscribe c", "sUnsubscribe c"]);
});

test("a cluster without a slot, or that fails, or takes too long, is an error", async () => {
  await expect(find(new FakeCluster())).rejects.toThrow("slot");
  const refused = new FakeCluster();
  refused.onConnect = () => Promise.reject(new Error("refused"));
  await expect(find(refused)).rejects.toThrow("refused");
  const slow = new FakeCluster();
  slow.onConnect = () => new Promise(() => undefined);
  const abort = new AbortController();
  const finding = find(slow, abort.signal);
  slow.copies[0]!.emit("error", new Error("first"));
  slow.copies[0]!.emit("node-error", new Error("last"));
  abort.abort();
  await expect(finding).rejects.toThrow("last");
  expect(slow.copies[0]!.isEnded).toBe(true);
});
