import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { RedisConnection } from "../../src/redis/connection.ts";
import { type IoredisClient, type IoredisCluster, ioredisCluster, ioredisServer } from "../../src/redis/ioredis.ts";
import { noEvents } from "../support/redis/fake-connection.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A client that notes what it is asked. */
class FakeClient extends EventEmitter implements IoredisClient {
  readonly options: { host?: string; port?: number };
  readonly given: object | undefined;
  readonly duplicates: FakeClient[] = [];
  readonly calls: string[] = [];
  readonly stream = {
    cork: () => void this.calls.push("cork"),
    uncork: () => void this.calls.push("uncork"),
    destroy: () => void this.calls.push("destroy"),
  };

  constructor(options: { host?: string; port?: number } = {}, given?: object) {
    super();
    this.options = options;
    this.given = given;
  }

  duplicate(options: object): FakeClient {
    this.duplicates.push(new FakeClient(this.options, options));
    return this.duplicates.at(-1)!;
  }

  async connect(): Promise<void> {
    this.calls.push("connect");
  }

  async callBuffer(...args: readonly unknown[]): Promise<unknown> {
    this.calls.push(args.join(" "));
    return args.length;
  }

  disconnect(): void {
    this.calls.push("disconnect");
  }
}

async function connectTo(client: FakeClient, events = noEvents): Promise<RedisConnection> {
  const [master] = await ioredisServer(client).findMasters(new AbortController().signal);
  return master!.connect(events);
}

test("a connection does nothing by itself, and leaves the client alone", async () => {
  const client = new FakeClient();
  const connection = await connectTo(client);
  await connection.ready;
  expect(client.calls).toEqual([]);
  expect(client.duplicates[0]!.given).toMatchObject({
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    keyPrefix: "",
  });
});

test("all commands of a turn leave in one write", async () => {
  const client = new FakeClient();
  const connection = await connectTo(client);
  const [copy] = client.duplicates;
  expect(await Promise.all([connection.send(["get", "a"]), connection.subscribe(["b", "c"])])).toEqual([2, 3]);
  await turn();
  void connection.unsubscribe(["b"]);
  await turn();
  expect(copy!.calls).toEqual([
    "connect",
    ...["cork", "get a", "subscribe b c", "uncork"],
    ...["cork", "unsubscribe b", "uncork"],
  ]);
  connection.destroy();
  expect(copy!.calls.slice(-2)).toEqual(["disconnect", "destroy"]);
});

test("messages and the end are told, with the last error", async () => {
  const client = new FakeClient();
  const told: string[] = [];
  await connectTo(client, {
    onMessage: (channel, message) => told.push(`${String(channel)} ${String(message)}`),
    onEnd: (reason) => told.push((reason as Error).message),
  });
  const [copy] = client.duplicates;
  copy!.emit("messageBuffer", Buffer.from("c"), Buffer.from("m"));
  copy!.emit("close");
  copy!.emit("error", new Error("reset"));
  copy!.emit("end");
  copy!.emit("moved");
  expect(told).toEqual(["c m", "The connection to Redis has ended", "reset", "MOVED"]);
});

/** A cluster of two servers. */
class FakeCluster extends EventEmitter implements IoredisCluster {
  slots: (string[] | undefined)[] = [];
  readonly servers = [new FakeClient({ host: "h", port: 1 }), new FakeClient({ port: 6379 })];
  readonly copies: FakeCluster[] = [];
  onConnect: () => Promise<void> = () => Promise.resolve();
  isEnded = false;

  duplicate(): FakeCluster {
    const copy = new FakeCluster();
    copy.slots = this.slots;
    copy.servers.splice(0, 2, ...this.servers);
    copy.onConnect = this.onConnect;
    this.copies.push(copy);
    return copy;
  }

  connect(): Promise<void> {
    return this.onConnect();
  }

  nodes(): FakeClient[] {
    return this.servers;
  }

  disconnect(): void {
    this.isEnded = true;
  }
}

const find = (cluster: FakeCluster, signal = new AbortController().signal) =>
  ioredisCluster(cluster).findMasters(signal);

test("the masters of a cluster are found by a client of our own, which ends then", async () => {
  const cluster = new FakeCluster();
  cluster.slots = Array.from({ length: 16_384 }, (_, slot) => [slot < 8_192 ? "h:1" : "127.0.0.1:6379", "replica"]);
  const masters = await find(cluster);
  expect(masters.map(({ partitions }) => partitions.length)).toEqual([128, 128]);
  expect([cluster.isEnded, cluster.copies[0]!.isEnded]).toEqual([false, true]);
  const told: string[] = [];
  const connection = masters[0]!.connect({ ...noEvents, onMessage: (_, message) => told.push(String(message)) });
  const [copy] = cluster.servers[0]!.duplicates;
  copy!.emit("smessageBuffer", Buffer.from("c"), Buffer.from("m"));
  await connection.subscribe(["c"]);
  await connection.unsubscribe(["c"]);
  expect([told, copy!.calls.slice(2, 4)]).toEqual([["m"], ["ssubscribe c", "sunsubscribe c"]]);
  await turn();
});

test("a cluster without a slot, or that gives up, or takes too long, is an error", async () => {
  await expect(find(new FakeCluster())).rejects.toThrow("slot");
  for (const give of ["end", "abort", "reject"]) {
    const cluster = new FakeCluster();
    const abort = new AbortController();
    if (give === "reject") cluster.onConnect = () => Promise.reject(new Error("refused"));
    else cluster.onConnect = () => new Promise(() => undefined);
    const finding = find(cluster, abort.signal);
    cluster.copies[0]!.emit("node error", new Error("NOAUTH"));
    cluster.copies[0]!.emit("error", new Error("last"));
    if (give === "end") cluster.copies[0]!.emit("end");
    if (give === "abort") abort.abort();
    await expect(finding).rejects.toThrow("last");
    expect(cluster.copies[0]!.isEnded).toBe(true);
  }
});
