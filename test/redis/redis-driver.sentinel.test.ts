import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { redis } from "../../src/redis/redis.ts";
import { TestNode, textsOf, wide } from "../support/backplane/node.ts";
import { until } from "../support/backplane/until.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";
import { within } from "../support/within.ts";

describeWith("redis", "with sentinels", (path) => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  test("after a failover the new master is found, and the messages go on", async () => {
    const master = await RedisServer.start(path);
    ends.push(() => master.end());
    const replica = await RedisServer.start(path, ["--replicaof", "127.0.0.1", String(master.port)]);
    ends.push(() => replica.end());
    const sentinel = await RedisServer.sentinel(path, master.port);
    ends.push(() => sentinel.end());
    const sentinels = [{ host: "127.0.0.1", port: sentinel.port }];
    const backplane = redis(new Redis({ sentinels, name: "main", lazyConnect: true }));
    const nodes = [new TestNode(backplane), new TestNode(backplane)] as const;
    ends.push(() => Promise.all(nodes.map(({ driver }) => driver.close(within(1_000)))));
    const [a, b] = [await nodes[0].open(), await nodes[1].open()];
    await b.driver.listen(["t"], []);
    await a.append("t", "1");
    const admin = new Redis(sentinel.port, "127.0.0.1");
    ends.push(async () => admin.disconnect());
    // It would look at the servers every 10 s, and tell the former master after 8 s.
    await admin.call("sentinel", "debug", "info-period", 100, "publish-period", 100, "ping-period", 100);
    await until("the replica", async () =>
      String(await admin.call("sentinel", "replicas", "main")).includes("master-link-status,ok"),
    );
    await admin.call("sentinel", "failover", "main");
    await until("the loss", () => nodes.every(({ statuses }) => statuses.includes("away")));
    await until("both again", () => nodes.every(({ statuses }) => statuses.at(-1) === "ready"));
    await until("the next message", async () => (await a.append("t", "2").catch(() => undefined)) !== undefined);
    await b.come("t", 2);
    const kept = textsOf(await b.driver.read("t", wide, 0));
    expect(kept.slice(0, 2)).toEqual(["1", "2"]);
    expect(String(await admin.call("sentinel", "get-master-addr-by-name", "main"))).toContain(String(replica.port));
  });
});
