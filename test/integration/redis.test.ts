import { type WebSocketConnection, WebSocketServer, type WSPresenceEvent } from "hawser";
import { redis } from "hawser/redis";
import { type TestClient, connect } from "hawser/testing";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { randomName } from "../../src/backplane/ids.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";
import { framed } from "../support/topic-frame.ts";

class Member {
  onMessage(): void {
    // It only gets messages.
  }
}

type Client = WebSocketConnection<Member>;

/** A test waits this many milliseconds for what Redis, or a client of it, does. */
const PATIENCE = { timeout: 20_000 };

/** Two servers that Redis joins, and what their handlers were told. */
function servers(client: Redis, options = {}) {
  const prefix = `test-${randomName()}`;
  const make = () => {
    const events: string[] = [];
    const note = (_wss: unknown, { type, topic, member }: WSPresenceEvent) =>
      void events.push(`${type} ${topic} ${member.id}`);
    const statuses: string[] = [];
    const errors: unknown[] = [];
    const handler = {
      onConnection: () => new Member(),
      onJoin: note,
      onLeave: note,
      onBackplane: (_wss: unknown, { status }: { status: string }) => void statuses.push(status),
      onError: (_wss: unknown, event: { errors: readonly { cause: unknown }[] }) =>
        void errors.push(event.errors[0]?.cause),
    };
    const wss = new WebSocketServer(handler, {
      backplane: redis(client, { prefix }),
      history: { "log*": { size: 10_000 } },
      ...options,
    });
    onTestFinished(() => wss.terminate(0));
    const open = async (): Promise<{ client: TestClient; ws: Client }> => {
      const opened = await connect(wss);
      return { client: opened, ws: [...wss.connections].at(-1) as unknown as Client };
    };
    return { wss, events, statuses, errors, open, prefix };
  };
  return [make(), make()] as const;
}

/** The next messages of a client. */
async function next(client: TestClient, count: number): Promise<unknown[]> {
  const got = [];
  while (got.length < count) got.push((await client.next()).value);
  return got;
}

describeWith("redis", "servers that Redis joins", (path) => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await RedisServer.start(path);
    client = new Redis(server.port, "127.0.0.1");
    client.on("error", () => undefined);
  });
  afterAll(async () => {
    client.disconnect();
    await server.end();
  });

  test("publish and broadcast reach all servers, each connection once", async () => {
    const [one, two] = servers(client);
    const [a, b] = [await one.open(), await two.open()];
    await Promise.all([one.wss.backplane.ready, two.wss.backplane.ready]);
    expect(await a.ws.subscribe("news")).toMatchObject({ live: true, remote: true });
    expect(await b.ws.subscribe("news")).toMatchObject({ live: true, remote: true });
    await one.wss.publish("news", "text ü😀");
    await one.wss.publish("news", new Uint8Array([0, 255]));
    expect(await next(b.client, 2)).toEqual(["text ü😀", Buffer.from([0, 255])]);
    one.wss.broadcast("all");
    one.wss.broadcast("here", { local: true });
    two.wss.broadcast("from two", { topics: "news" });
    // What two servers publish has no common order.
    expect(new Set(await next(b.client, 2))).toEqual(new Set(["all", "from two"]));
    const here = ["text ü😀", Buffer.from([0, 255]), "all", "here", "from two"];
    expect(new Set(await next(a.client, 5))).toEqual(new Set(here));
    expect(one.wss.backplane).toMatchObject({ driver: "redis", status: "ready" });
    expect(one.statuses).toEqual(["ready"]);
  });

  test("a topic with history: one order, a position that is good on the other server, duplicates", async () => {
    const [one, two] = servers(client);
    const [a, b] = [await one.open(), await two.open()];
    await Promise.all([one.wss.backplane.ready, two.wss.backplane.ready]);
    const { position } = await a.ws.subscribe("log");
    await b.ws.subscribe("log");
    const all = Array.from({ length: 500 }, (_, n) => [
      one.wss.publish("log", `a${String(n)}`),
      two.wss.publish("log", `b${String(n)}`),
    ]);
    const published = await Promise.all(all.flat());
    expect(published.map(({ offset }) => offset!).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 1000 }, (_, n) => n + 1),
    );
    const [atA, atB] = [await next(a.client, 1000), await next(b.client, 1000)];
    expect(atB).toEqual(atA);
    const c = await two.open();
    expect(await c.ws.subscribe("log", { since: position })).toMatchObject({ recovered: true, replayed: 1000 });
    expect(await next(c.client, 1000)).toEqual(atA);
    const first = await one.wss.publish("log", "once", { id: "name" });
    expect(await two.wss.publish("log", "once", { id: "name" })).toMatchObject({
      offset: first.offset,
      duplicate: true,
    });
    expect(await one.wss.position("log")).toBe(first.position);
  });

  test("presence: one list; a server that ends keeps its members listed, and they leave when its lease is over", async () => {
    const [one, two] = servers(client);
    const [a, b] = [await one.open(), await two.open()];
    await Promise.all([one.wss.backplane.ready, two.wss.backplane.ready]);
    await b.ws.subscribe("chat");
    await a.ws.subscribe("chat", { presence: { id: "ann", data: { age: 7 } } });
    expect(await two.wss.presence("chat")).toEqual({
      total: 1,
      members: [{ id: "ann", data: { age: 7 }, connections: 1 }],
    });
    await vi.waitFor(() => expect(two.events).toEqual(["join chat ann"]), PATIENCE);
    await one.wss.terminate(1);
    expect(two.events).toEqual(["join chat ann"]);
    // Half a minute goes by.
    const nodes = `${two.prefix}:{0}:nodes`;
    const [ended, until] = await client.zrange(nodes, "-1", "-1", "WITHSCORES");
    await client.zadd(nodes, Number(until) - 31_000, ended!);
    await vi.waitFor(() => expect(two.events).toEqual(["join chat ann", "leave chat ann"]), {
      timeout: 20_000,
      interval: 100,
    });
    expect(await two.wss.presence("chat")).toMatchObject({ total: 0 });
  }, 45_000);

  test("a client that comes before the server has reached Redis is subscribed; onJoin comes on its own server", async () => {
    const [one] = servers(client);
    const a = await one.open();
    expect(await a.ws.subscribe("log", { last: 5 })).toMatchObject({ live: true });
    await a.ws.subscribe("chat", { presence: { id: "ann" } });
    await vi.waitFor(() => expect(one.events).toEqual(["join chat ann"]), PATIENCE);
  });

  test("a server that keeps other topics than the one before it tells its onError", async () => {
    const prefix = `test-${randomName()}`;
    const errors: unknown[] = [];
    for (const size of [5, 6]) {
      const onError = (_wss: unknown, { errors: [first] }: { errors: readonly { cause: unknown }[] }) =>
        void errors.push(first?.cause);
      const wss = new WebSocketServer(
        { onConnection: () => new Member(), onError },
        { backplane: redis(client, { prefix }), history: { log: { size } } },
      );
      onTestFinished(() => wss.terminate(0));
      await wss.backplane.ready;
    }
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: "HWS_BACKPLANE_MISMATCH", errCode: 606 }]), PATIENCE);
  });

  test("the subscriber's connection is cut under load: nothing is missed, nothing comes twice", async () => {
    const [one, two] = servers(client);
    const b = await two.open();
    await Promise.all([one.wss.backplane.ready, two.wss.backplane.ready]);
    await b.ws.subscribe("log");
    for (let n = 0; n < 300; n++) {
      await one.wss.publish("log", String(n));
      if (n % 100 === 50) await client.call("client", "kill", "type", "pubsub");
    }
    expect(await next(b.client, 300)).toEqual(Array.from({ length: 300 }, (_, n) => String(n)));
  });
});

describeWith("redis", "a Redis that has lost accepted messages", (path) => {
  test("who has seen them is told and goes on after the last one that is left; who was away is not recovered", async () => {
    const broker = await RedisServer.start(path);
    const client = new Redis(broker.port, "127.0.0.1");
    onTestFinished(async () => {
      client.disconnect();
      await broker.end();
    });
    const all = servers(client);
    await Promise.all(all.map(({ wss }) => wss.backplane.ready));
    const members = await Promise.all(all.map((server) => server.open()));
    for (const { ws } of members) await ws.subscribe("log", { framing: "header" });
    const [{ wss }] = all;
    const { position: away } = await wss.publish("log", "1");
    const { position: left } = await wss.publish("log", "2");
    // What another server has that becomes the master.
    const keys = (await Promise.all(["h", "m"].map((kind) => client.keys(`test-*:${kind}:log`)))).flat();
    const values = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    const { position: lost } = await wss.publish("log", "lost");
    for (const [i, key] of keys.entries()) await client.restore(key, 0, values[i]!, "REPLACE");
    await client.call("client", "kill", "type", "pubsub");
    const marked = () => client.keys("test-*:i:log*");
    await vi.waitFor(async () => expect((await marked()).length).toBe(1), PATIENCE);
    const { offset } = await wss.publish("log", "3");
    // One marker of both servers.
    expect(offset).toBe(4);
    for (const { client: member } of members) {
      const got = (await next(member, 6)).map((text) => framed(String(text)));
      expect(got.map(({ kind, flag, data }) => `${kind} ${flag} ${data}`)).toEqual([
        ...["s - ", "m - 1", "m - 2", "m - lost", "g fork ", "m - 3"],
      ]);
      expect(got[4]?.position).toBe(left);
    }
    for (const since of [away!, left!, lost!]) {
      const resumed = await all[1].open();
      expect(await resumed.ws.subscribe("log", { since })).toMatchObject({ recovered: false, replayed: 0 });
    }
    for (const server of all) expect(server.wss.counters.history.gaps).toEqual({ reset: 0, fork: 1, trimmed: 0 });
  }, 60_000);
});

describeWith("redis", "a Redis that ends and comes back", (path) => {
  test("with history what was accepted comes once and in order; without, the servers go on alone", async () => {
    const broker = await RedisServer.start(path, ["--appendonly", "yes", "--appendfsync", "always"]);
    const client = new Redis(broker.port, "127.0.0.1");
    client.on("error", () => undefined);
    onTestFinished(async () => {
      client.disconnect();
      await broker.end();
    });
    const [one, two] = servers(client, { publishTimeout: 20_000 });
    const [a, b] = [await one.open(), await two.open()];
    await Promise.all([one.wss.backplane.ready, two.wss.backplane.ready]);
    await b.ws.subscribe("log", { framing: "header" });
    const accepted: number[] = [];
    let uncertain = 0;
    const publish = (n: number) =>
      one.wss.publish("log", String(n)).then(
        () => void accepted.push(n),
        () => {
          uncertain++;
        },
      );
    const running: Promise<void>[] = [];
    for (let n = 0; n < 200; n++) {
      running.push(publish(n));
      if (n === 100) await broker.kill();
      if (n === 150) {
        await vi.waitFor(() => expect(one.statuses).toContain("away"), PATIENCE);
        await a.ws.subscribe("news");
        expect(await a.ws.subscribe("news")).toMatchObject({ live: true, remote: false });
        await one.wss.publish("news", "here");
        expect(await next(a.client, 1)).toEqual(["here"]);
        await broker.run();
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(running);
    await one.wss.publish("log", "end");
    const got: string[] = [];
    for (let text = ""; text !== "end";) {
      const message = framed(String((await b.client.next()).value));
      text = message.data;
      if (message.kind === "g") throw new Error(`a gap: ${message.flag}`);
      if (message.kind === "m" && text !== "end") got.push(text);
    }
    const numbers = got.map(Number);
    expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y));
    expect(accepted.filter((n) => !numbers.includes(n))).toEqual([]);
    expect(accepted.length + uncertain).toBe(200);
    expect(one.wss.counters.history).toMatchObject({ failed: 0, uncertain });
    expect(one.statuses).toEqual(["ready", "away", "ready"]);
  }, 60_000);

  test("one that is not there yet: the server starts, and is joined when it comes; node-redis too", async () => {
    const broker = await RedisServer.prepare(path);
    const client = createClient({ socket: { port: broker.port, host: "127.0.0.1" } });
    onTestFinished(() => broker.end());
    const wss = new WebSocketServer(
      { onConnection: () => new Member(), onError: () => undefined },
      { backplane: redis(client), publishTimeout: 100, history: { log: {} } },
    );
    onTestFinished(() => wss.terminate(0));
    const one = await connect(wss);
    const ws = [...wss.connections][0] as unknown as Client;
    expect(wss.broadcast("here")).toBe(1);
    expect(await next(one, 1)).toEqual(["here"]);
    await expect(wss.publish("log", "x")).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
    await broker.run();
    await wss.backplane.ready;
    expect(wss.backplane.status).toBe("ready");
    expect(await ws.subscribe("news")).toMatchObject({ remote: true });
    expect(await wss.publish("log", "x")).toMatchObject({ offset: 1 });
  }, 30_000);
});
