import { Cluster, Redis } from "ioredis";
import { createClient, createCluster, createSentinel } from "redis";
import { expect, expectTypeOf, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { type RedisClient, redis } from "../../src/redis/redis.ts";

test("it takes the clients of both libraries, and uses none of them", () => {
  const address = { host: "127.0.0.1", port: 1 };
  const clients = [
    new Redis({ ...address, lazyConnect: true }),
    new Cluster([address], { lazyConnect: true }),
    createClient({ socket: address }),
    createCluster({ rootNodes: [{ socket: address }] }),
  ] as const;
  for (const client of clients) expect(redis(client, { prefix: "app" }).createDriver().name).toBe("redis");
  expectTypeOf(clients).items.toExtend<RedisClient>();
});

const client = new Redis({ lazyConnect: true });

test.each([
  ["nothing", undefined],
  ["null", null],
  ["an object", { duplicate: () => 1 }],
  ["a text", "redis://127.0.0.1"],
  ["a sentinel of node-redis", createSentinel({ name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] })],
  ["a pool of node-redis", createClient().createPool()],
])("%s is no client", (_what, given) => {
  expect(() => redis(given as unknown as RedisClient)).toThrow(InvalidArgumentError);
});

test.each([
  [null, "options: expected an object"],
  [{ prefx: "a" }, 'there is no option "prefx": did you mean prefix?'],
  [{ prefix: "" }, "prefix: expected a text without braces"],
  [{ prefix: "a{b" }, "prefix: expected a text without braces"],
  [{ prefix: 7 }, "prefix: expected a text without braces"],
])("the options %j are refused", (options, text) => {
  expect(() => redis(client, options as object)).toThrow(`redis: ${text}`);
});
