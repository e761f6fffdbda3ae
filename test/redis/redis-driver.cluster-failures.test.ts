import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { partitionOf, slotOf, TAGS } from "../../src/redis/partitions.ts";
import { type RedisClient, redis } from "../../src/redis/redis.ts";
import { TestNode } from "../support/backplane/node.ts";
import { until } from "../support/backplane/until.ts";
import { RedisCluster } from "../support/redis/cluster.ts";
import { describeWith } from "../support/system.ts";
import { within } from "../support/within.ts";

/** Clients that connect to nothing by themselves. */
const LIBRARIES: readonly (readonly [string, (ports: readonly number[]) => RedisClient])[] = [
  [
    "ioredis",
    (ports) =>
      new Cluster(
        ports.map((port) => ({ host: "127.0.0.1", port })),
        { lazyConnect: true },
      ),
  ],
  [
    "node-redis",
    (ports) => createCluster({ rootNodes: ports.map((port) => ({ socket: { host: "127.0.0.1", port } })) }),
  ],
];

describeWith("redis", "when a cluster changes", (path) => {
  let cluster: RedisCluster;
  const nodes: TestNode[] = [];
  beforeAll(async () => {
    cluster = await RedisCluster.start(path);
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ driver }) => driver.close(within(1_000))));
  });
  afterAll(() => cluster.end());

  /** Two nodes, of which one listens to a topic. */
  async function open(client: RedisClient, prefix: string): Promise<{ a: TestNode; b: TestNode }> {
    const backplane = redis(client, { prefix });
    const [a, b] = [new TestNode(backplane), new TestNode(backplane)];
    nodes.push(a, b);
    await Promise.all([a.open(), b.open()]);
    await b.driver.listen(["t"], []);
    return { a, b };
  }

  /** Stores a message as soon as that is possible. */
  async function store(node: TestNode, text: string): Promise<number> {
    let first: number | undefined;
    await until("the place of a message", async () => {
      first = (await node.append("t", text).catch(() => undefined))?.first;
      return first !== undefined;
    });
    return first!;
  }

  const ports = (): number[] => cluster.servers.map(({ port }) => port);

  describe.each(LIBRARIES)("with %s", (name, clientOf) => {
    test("a slot moves to another server with its messages, and they go on", async () => {
      const { a, b } = await open(clientOf(ports()), `move-${name}`);
      const { epoch } = await a.append("t", "1");
      await b.come("t", 1);
      await cluster.move(slotOf(TAGS[partitionOf("t")]!));
      expect(await store(a, "2")).toBeGreaterThanOrEqual(2);
      // The subscription has moved too.
      await until("the next message", async () => {
        await store(a, "more");
        return b.texts("t").length > 1;
      });
      // Servers learn of it one after the other, so connections may be made anew more than once.
      await until("the same epoch", async () => {
        const [top] = await b.driver.tops(["t"]).catch(() => []);
        return top?.epoch === epoch;
      });
      expect(b.lost).toContain("all");
    });

    test("a server that ends and comes back is found again", async () => {
      const { a, b } = await open(clientOf(ports()), `kill-${name}`);
      await a.append("t", "1");
      const owner = await cluster.ownerOf(slotOf(TAGS[partitionOf("t")]!));
      await owner.kill();
      await until("the loss", () => [a, b].every(({ statuses }) => statuses.at(-1) === "away"));
      expect(await owner.run()).toBe(undefined);
      await until("both again", () => [a, b].every(({ statuses }) => statuses.at(-1) === "ready"));
      await store(a, "2");
      await until("the message", async () => {
        await store(a, "more");
        return b.texts("t").length > 1;
      });
    });
  });
});
