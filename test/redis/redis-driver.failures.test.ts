import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, describe, expect, test } from "vitest";
import type { Appended, Backplane, Mark } from "../../src/backplane/contract.ts";
import { forkMarker, lostBy } from "../../src/backplane/fork-marker.ts";
import { MessageIds } from "../../src/backplane/ids.ts";
import { decodeRecord, recordId } from "../../src/backplane/record.ts";
import { partitionOf } from "../../src/redis/partitions.ts";
import { type RedisClient, redis } from "../../src/redis/redis.ts";
import { scripts } from "../../src/redis/scripts.ts";
import { TestNode, textsOf, wide } from "../support/backplane/node.ts";
import { message } from "../support/backplane/records.ts";
import { until } from "../support/backplane/until.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";
import { within } from "../support/within.ts";

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Clients that connect to nothing by themselves: the driver only reads their options. */
const LIBRARIES: readonly (readonly [string, (port: number) => RedisClient])[] = [
  ["ioredis", (port) => new Redis({ host: "127.0.0.1", port, lazyConnect: true })],
  ["node-redis", (port) => createClient({ socket: { host: "127.0.0.1", port } })],
];

/** Topics of the same partition. */
function ofOnePartition(count: number): string[] {
  const topics = Array.from({ length: 10_000 }, (_, i) => `t${i}`);
  return topics.filter((topic) => partitionOf(topic) === partitionOf("t0")).slice(0, count);
}

describeWith("redis", "when Redis fails", (path) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** Starts a server, and a client for the test itself. */
  async function start(args: readonly string[] = []): Promise<{ server: RedisServer; admin: Redis }> {
    const server = await RedisServer.start(path, args);
    ends.push(() => server.end());
    return { server, admin: adminOf(server) };
  }

  function adminOf({ port }: RedisServer): Redis {
    const admin = new Redis(port, "127.0.0.1", { retryStrategy: () => 20 });
    admin.on("error", () => undefined);
    ends.push(async () => admin.disconnect());
    return admin;
  }

  function nodeOf(backplane: Backplane): TestNode {
    const node = new TestNode(backplane);
    ends.push(() => node.driver.close(within(1_000)));
    return node;
  }

  describe.each(LIBRARIES)("with %s", (_name, clientOf) => {
    test("a server that comes later is found, and what was wanted before comes", async () => {
      const server = await RedisServer.prepare(path);
      ends.push(() => server.end());
      const node = nodeOf(redis(clientOf(server.port)));
      await node.driver.open(node, node.name);
      await until("two failed tries", () => node.failures.length >= 2);
      expect(new Set(node.failures.map(([stage]) => stage))).toEqual(new Set(["connect"]));
      expect(node.statuses).toEqual([]);
      expect(await node.append("t", "no").catch(codeOf)).toBe("HWS_BACKPLANE_AWAY");
      expect(node.send("t", "no")).toBe(false);
      const listening = node.driver.listen(["t"], []).catch(codeOf);
      await server.run();
      await until("ready", () => node.statuses.includes("ready"));
      expect([undefined, "HWS_BACKPLANE_AWAY"]).toContain(await listening);
      await node.append("t", "yes");
      await node.come("t", 1);
      expect([node.statuses, node.lost]).toEqual([["ready"], []]);
    });

    test("when the subscriber's connection is cut, it is told before the status, and everything comes again", async () => {
      const { server, admin } = await start();
      const backplane = redis(clientOf(server.port));
      const [a, b] = [await nodeOf(backplane).open(), await nodeOf(backplane).open()];
      await b.driver.listen(["t", "u"], []);
      const told: string[] = [];
      b.onStatus = (status) => told.push(status);
      b.onLost = (topics) => told.push(`lost ${String(topics)}`);
      await admin.call("client", "kill", "type", "pubsub");
      await until("ready again", () => told.includes("ready"));
      expect(told).toEqual(["away", "lost all", "ready"]);
      await until("the other one", () => a.statuses.at(-1) === "ready" && a.statuses.length === 3);
      for (const topic of ["t", "u"]) {
        await a.append(topic, "stored");
        expect(a.send(topic, "plain")).toBe(true);
        await b.come(topic, 2);
      }
      expect([a.failures, b.failures]).toEqual([[], []]);
    });

    test("a restart under load loses nothing that was accepted, and doubles nothing", async () => {
      const { server } = await start(["--appendonly", "yes", "--appendfsync", "always"]);
      const backplane = redis(clientOf(server.port));
      const [a, b] = [await nodeOf(backplane).open(), await nodeOf(backplane).open()];
      await b.driver.listen(["t"], []);
      const accepted: string[] = [];
      const uncertain: string[] = [];
      const end = { isReached: false };
      const load = (async () => {
        for (let i = 0; !end.isReached; i++) {
          const sent = Array.from({ length: 20 }, (_, j) => `${i}.${j}`);
          const ends = await Promise.allSettled(sent.map((text) => a.append("t", text)));
          for (const [j, { status, ...rest }] of ends.entries()) {
            if (status === "fulfilled") accepted.push(sent[j]!);
            else if (codeOf((rest as { reason: unknown }).reason) === "HWS_PUBLISH_UNCERTAIN") uncertain.push(sent[j]!);
          }
          // Slowly enough that the history keeps all of them.
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      for (let kill = 1; kill <= 3; kill++) {
        const before = accepted.length;
        await until("some messages", () => accepted.length > before + 200);
        await server.kill();
        await until("the loss", () => a.statuses.filter((status) => status === "away").length === kill);
        expect(await server.run()).toBe(undefined);
        await until("both again", () => [a, b].every(({ statuses }) => statuses.at(-1) === "ready"));
      }
      const before = accepted.length;
      await until("some messages more", () => accepted.length > before + 200);
      end.isReached = true;
      await load;
      const kept = (await b.readAll("t")).flatMap(textsOf);
      expect(new Set(kept).size).toBe(kept.length);
      const stored = new Set(kept);
      expect(accepted.filter((text) => !stored.has(text))).toEqual([]);
      // In the order of the calls, and nothing that was rejected for certain.
      const known = new Set([...accepted, ...uncertain]);
      expect(kept.filter((text) => !known.has(text))).toEqual([]);
      expect(kept.filter((text) => !uncertain.includes(text))).toEqual(accepted);
      expect(b.lost.length).toBe(3);
    });

    test("whoever tries again until the answer comes has stored each message once, in order", async () => {
      const { server, admin } = await start();
      const node = await nodeOf(redis(clientOf(server.port))).open();
      const end = { isReached: false };
      const counts = [0, 0, 0, 0, 0];
      const load = counts.map(async (_count, i) => {
        let { top } = await node.driver.read(`t${i}`, wide, 0);
        while (!end.isReached) {
          const record = message(String(counts[i]!));
          let again: Mark | undefined;
          await until("a message to be stored", async () => {
            const stored = await node.driver.append(`t${i}`, wide, [record], { again }).catch(codeOf);
            if (stored === "HWS_PUBLISH_UNCERTAIN") again = top;
            if (typeof stored === "string") return false;
            const { epoch, first } = stored as Appended;
            top = { epoch, offset: first, id: recordId(record) };
            return true;
          });
          counts[i]!++;
        }
      });
      for (let cut = 0; cut < 5; cut++) {
        const before = [...counts];
        await until("some messages of each", () => counts.every((count, i) => count > before[i]! + 20));
        await admin.call("client", "kill", "type", "normal");
      }
      const before = [...counts];
      await until("some messages more", () => counts.every((count, i) => count > before[i]! + 20));
      end.isReached = true;
      await Promise.all(load);
      for (const [i, count] of counts.entries()) {
        const kept = (await node.readAll(`t${i}`)).flatMap(textsOf);
        expect(kept).toEqual(Array.from({ length: count }, (_, j) => String(j)));
      }
    });

    test("an emptied cache of scripts changes nothing, and the order stays", async () => {
      const { server, admin } = await start();
      const backplane = redis(clientOf(server.port));
      const [a, b] = [await nodeOf(backplane).open(), await nodeOf(backplane).open()];
      await b.driver.listen(["t"], []);
      const texts: string[] = [];
      for (let round = 0; round < 5; round++) {
        const more = Array.from({ length: 40 }, (_, i) => `${round}.${i}`);
        texts.push(...more);
        const storing = more.map((text) => a.append("t", text));
        await admin.call("script", "flush");
        await Promise.all([...storing, b.driver.beat(), b.driver.tops(["t"])]);
      }
      await b.come("t", texts.length);
      expect(b.texts("t")).toEqual(texts);
    });

    test.each([
      ["is full", "maxmemory", "1mb"],
      ["has too few replicas", "min-replicas-to-write", "1"],
    ])("a server that %s refuses what it would have to store, and does the rest", async (_what, setting, value) => {
      const { server, admin } = await start(["--maxmemory-policy", "noeviction"]);
      const backplane = redis(clientOf(server.port));
      const [a, b] = [await nodeOf(backplane).open(), await nodeOf(backplane).open()];
      await b.driver.listen(["t"], []);
      await a.append("t", "before");
      await admin.call("config", "set", setting, value);
      expect(await a.append("t", "no").catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
      const join = (): Promise<void> => a.driver.join("t", 1, { id: "ann", data: undefined }, false);
      expect(await join().catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
      // Nobody was listed, so nobody need leave.
      expect(await admin.keys("*:[wnt]:*")).toEqual([]);
      expect(textsOf(await b.driver.read("t", wide, 0))).toEqual(["before"]);
      expect(a.send("t", "plain")).toBe(true);
      await b.come("t", 2);
      expect((await b.driver.tops(["t"]))[0]?.offset).toBe(1);
      // Nobody is given up, and connections can be made anew.
      expect(await b.driver.beat()).toMatchObject({ expired: [], wasExpired: false });
      expect(a.statuses).toEqual(["ready"]);
      await admin.call("client", "kill", "type", "pubsub");
      await until("both again", () => [a, b].every(({ statuses }) => statuses.join() === "ready,away,ready"));
      await admin.call("config", "set", setting, "0");
      expect(await a.append("t", "after")).toMatchObject({ first: 2 });
      await join();
      expect((await admin.keys("*:[wnt]:*")).length).toBe(3);
      expect([a.failures, b.failures]).toEqual([[], []]);
    });

    test("a server that stands still is noticed: as much waits as may, and then it is uncertain", async () => {
      const { server } = await start();
      const node = await nodeOf(redis(clientOf(server.port))).open();
      server.pause();
      const large = "x".repeat(1024 * 1024);
      const storing = Array.from({ length: 17 }, () => node.append("t", large).catch(codeOf));
      expect(await storing[16]).toBe("HWS_BACKPLANE_FULL");
      expect(node.send("t", "no")).toBe(false);
      expect(await Promise.all(storing.slice(0, 16))).toEqual(storing.slice(0, 16).map(() => "HWS_PUBLISH_UNCERTAIN"));
      await until("the loss", () => node.statuses.at(-1) === "away");
      server.resume();
      await until("ready again", () => node.statuses.at(-1) === "ready");
      expect(node.send("t", "yes")).toBe(true);
      await node.append("u", "yes");
    });

    test("it can be closed while Redis is away, and before it has ever come", async () => {
      const { server } = await start();
      const node = await nodeOf(redis(clientOf(server.port))).open();
      await server.kill();
      await until("the loss", () => node.statuses.at(-1) === "away");
      const listening = node.driver.listen(["t"], []).catch(codeOf);
      await node.driver.close(within(1_000));
      expect(await listening).toBe("HWS_BACKPLANE_AWAY");
      expect(node.statuses.at(-1)).toBe("closed");
      const other = nodeOf(redis(clientOf(server.port)));
      await other.driver.open(other, other.name);
      await other.driver.close(within(1_000));
      expect(other.statuses).toEqual(["closed"]);
    });
  });

  test("bytes of others on our channels do no harm", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    await node.driver.listen(["t"], []);
    const [channel] = (await admin.call("pubsub", "channels", "p:*:c:t")) as string[];
    for (const bytes of ["", "\x10", "\x10short", "\x12", "garbage", "\xff\xff"]) {
      await admin.publish(channel!, Buffer.from(bytes, "latin1"));
      await admin.publish("p:{0}:all", Buffer.from(bytes, "latin1"));
    }
    for (const probe of (await admin.call("pubsub", "channels", "p:*:x:*")) as string[])
      await admin.publish(probe, "999");
    await node.append("t", "good");
    await node.come("t", 1);
    expect(node.texts("t")).toEqual(["good"]);
    expect([await node.driver.beat().then(() => "good"), node.failures]).toEqual(["good", []]);
  });

  test("a key of another type keeps no other topic from being told", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    // All are of one partition.
    const [bad, good, gone] = ofOnePartition(3) as [string, string, string];
    for (const topic of [bad, good]) await node.append(topic, "1");
    const [meta] = await admin.keys(`p:*:m:${bad}`);
    await admin.del(meta!);
    await admin.rpush(meta!, "odd");
    const tops = await node.driver.tops([bad, good, gone]);
    expect([tops[0], tops[1]?.offset, tops[2]]).toEqual([null, 1, undefined]);
    expect(await node.driver.read(bad, wide, 0).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
  });

  test.each(["nan", "-4"])("a topic whose number somebody has made %s is refused, and has no position", async (odd) => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    await node.append("t", "1");
    const [meta] = await admin.keys("p:*:m:t");
    await admin.hset(meta!, "s", odd);
    expect(await node.driver.tops(["t"])).toEqual([null]);
    for (const after of [-1, 0])
      expect(await node.driver.read("t", wide, after).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
    expect(await node.append("t", "2").catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
  });

  test("a node that was given up knows it, once, and its members can be listed again", async () => {
    const { server, admin } = await start();
    const backplane = redis(LIBRARIES[0]![1](server.port), { prefix: "p" });
    const [a, b] = [await nodeOf(backplane).open(), await nodeOf(backplane).open()];
    const ann = { id: "ann", data: undefined };
    await a.driver.join("t", 1, ann, false);
    await admin.zadd("p:{0}:nodes", 1, a.name);
    expect((await b.driver.beat()).expired).toEqual([a.name]);
    await b.driver.reap(a.name);
    expect((await b.driver.members("t", 10)).total).toBe(0);
    expect((await a.driver.beat()).wasExpired).toBe(true);
    expect((await a.driver.beat()).wasExpired).toBe(false);
    await a.driver.join("t", 1, ann, false);
    expect((await b.driver.members("t", 10)).members).toEqual([{ ...ann, connections: 1 }]);
    // What was reaped has left nothing.
    await a.driver.leave("t", 1, "ann");
    expect((await admin.keys("p:*")).sort()).toEqual(["p:{0}:nodes", "p:{0}:rules"]);
  });

  test("an earlier try that comes after the later one stores nothing", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    await node.append("t", "before");
    const [again] = (await node.driver.tops(["t"])) as [Mark];
    const record = message("twice");
    await node.driver.append("t", wide, [record], { again });
    const keys = (await Promise.all(["h:t", "m:t", "l:*"].map((name) => admin.keys(`p:*:${name}`)))).flat();
    const args = [10, 60_000, 60_000, "epoch6", "c", "publish", 1_000, "", "", "", 1_000, 0, Buffer.from(record)];
    const late = await admin.call("evalsha", scripts.append.sha, 3, ...keys, ...args);
    expect((late as unknown[]).slice(1)).toEqual(["0", 2]);
    expect((await node.driver.tops(["t"]))[0]?.offset).toBe(2);
  });

  test("after a failover that has lost the newest messages, a retry from their numbers is uncertain", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    await node.append("t", "1");
    // What the other server has.
    const keys = await admin.keys("p:*:t");
    const copies = await Promise.all(keys.map((key) => admin.dumpBuffer(key)));
    for (const text of ["2", "3"]) await node.append("t", text);
    const [again] = await node.driver.tops(["t"]);
    for (const [i, key] of keys.entries()) await admin.restore(key, 0, copies[i]!, "REPLACE");
    const record = message("first try");
    await node.driver.append("t", wide, [record]);
    const retry = (): Promise<unknown> => node.driver.append("t", wide, [record], { again: again! }).catch(codeOf);
    // The number before the first try is not given again yet; then it is the newest one; then an older one.
    for (const text of ["others", "others 2", "others 3"]) {
      expect(await retry()).toBe("HWS_PUBLISH_UNCERTAIN");
      await node.append("t", text);
    }
    expect(await retry()).toBe("HWS_PUBLISH_UNCERTAIN");
    expect(textsOf(await node.driver.read("t", wide, 0))).toEqual(["1", "first try", "others", "others 2", "others 3"]);
  });

  test("markers of lost messages trim no message away, and are none of the newest ones", async () => {
    const { server } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    const rule = { size: 2, ttl: 60_000 };
    const add = (text: string): Promise<Appended> =>
      node.driver.append("t", rule, [text === "fork" ? forkMarker(ids.next(), ids.next()) : message(text)]);
    const read = async (after: number): Promise<string> =>
      (await node.driver.read("t", rule, after)).entries
        .map(({ record }) => (lostBy(record) === undefined ? String(decodeRecord(record)?.payload) : "fork"))
        .join();
    const ids = new MessageIds();
    const seen: string[][] = [];
    for (const text of ["1", "2", "fork", "fork", "3", "fork", "4", "5"]) {
      await add(text);
      seen.push([await read(0), await read(-1)]);
    }
    expect(seen).toEqual([
      ["1", "1"],
      ["1,2", "2"],
      ["1,2,fork", "2,fork"],
      ["1,2,fork,fork", "2,fork,fork"],
      ["2,fork,fork,3", "3"],
      ["2,fork,fork,3,fork", "3,fork"],
      ["3,fork,4", "4"],
      ["4,5", "5"],
    ]);
    // Who resumes from before it must know of it, also when it is trimmed, or beyond the page.
    expect((await node.driver.read("t", rule, 8)).fork).toBe(6);
  });

  test("nodes that have tried again and are gone leave nothing for ever", async () => {
    const { server, admin } = await start();
    const backplane = redis(LIBRARIES[0]![1](server.port), { prefix: "p" });
    for (const text of ["a", "b"]) {
      const node = await nodeOf(backplane).open();
      await node.append("t", text);
      const [again] = (await node.driver.tops(["t"])) as [Mark];
      await node.append("t", `${text} again`, wide, { again });
    }
    const [[meta], links] = [await admin.keys("p:*:m:t"), await admin.keys("p:*:l:*:t")];
    expect((await admin.hkeys(meta!)).sort()).toEqual(["e", "s", "t", "x"]);
    expect(links.length).toBe(2);
    for (const key of links) expect(await admin.pttl(key)).toBeGreaterThan(0);
  });

  test("a node that closes gives its members 30 s to come back, and takes nothing if it has none", async () => {
    const { server, admin } = await start();
    const backplane = (): Backplane => redis(LIBRARIES[0]![1](server.port), { prefix: "p" });
    const [listed, empty] = [await nodeOf(backplane()).open(), await nodeOf(backplane()).open()];
    await listed.driver.join("t", 1, { id: "ann", data: undefined }, true);
    for (const { driver } of [listed, empty]) {
      await driver.beat(true);
      await driver.close(within(5_000));
    }
    const [now] = await admin.time();
    const left = async (node: string): Promise<number> =>
      Number(await admin.zscore("p:{0}:nodes", node)) / 1_000 - Number(now);
    expect(await left(listed.name)).toBeGreaterThan(20);
    expect(await left(empty.name)).toBeLessThan(12);
  });

  test("after all data were lost, a topic has another epoch, and a retry is uncertain", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port))).open();
    const { epoch } = await node.append("t", "1");
    const [again] = (await node.driver.tops(["t"])) as [Mark];
    await admin.flushall();
    const record = message("2");
    expect(await node.driver.append("t", wide, [record], { again }).catch(codeOf)).toBe("HWS_PUBLISH_UNCERTAIN");
    expect(await node.driver.tops(["t"])).toEqual([undefined]);
    const stored = await node.append("t", "3");
    expect([stored.first, stored.epoch === epoch]).toEqual([1, false]);
    expect((await node.driver.beat()).wasExpired).toBe(true);
  });

  test("a topic that somebody asks for keeps its position, and its messages expire nevertheless", async () => {
    const { server, admin } = await start();
    const node = await nodeOf(redis(LIBRARIES[0]![1](server.port), { prefix: "p" })).open();
    await node.append("t", "1", { size: 10, ttl: 60_000 });
    const [[stream], [meta]] = [await admin.keys("p:*:h:t"), await admin.keys("p:*:m:t")];
    for (const call of [() => node.driver.tops(["t"]), () => node.driver.read("t", { size: 10, ttl: 60_000 }, 0)]) {
      await admin.pexpire(meta!, 5_000);
      await admin.pexpire(stream!, 5_000);
      await call();
      expect(await admin.pttl(meta!)).toBeGreaterThan(24 * 60 * 60 * 1_000);
      expect(await admin.pttl(stream!)).toBeLessThanOrEqual(5_000);
    }
  });
});
