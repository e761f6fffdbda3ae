import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Mark } from "../../src/backplane/contract.ts";
import { redis } from "../../src/redis/redis.ts";
import { TestNode, textsOf, wide } from "../support/backplane/node.ts";
import { message } from "../support/backplane/records.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";
import { within } from "../support/within.ts";

describeWith("redis", "on a server, a script", (path) => {
  let server: RedisServer;
  let node: TestNode;
  const clients: Redis[] = [];

  const clientOf = (): Redis => {
    const client = new Redis(server.port, "127.0.0.1");
    clients.push(client);
    return client;
  };

  /** How many entries each script's command may have read while `run` ran. */
  async function counts(run: () => Promise<unknown>): Promise<number[]> {
    const monitor = await clientOf().monitor();
    clients.push(monitor);
    const seen: number[] = [];
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    monitor.on("monitor", (_time: string, [name, ...args]: string[], source: string) => {
      if (/^xrange$/i.test(name!) && source === "lua") seen.push(args[3] === undefined ? Infinity : Number(args[4]));
      else if (name === "echo") end();
    });
    await run();
    await clientOf().echo("end");
    await ended;
    return seen;
  }

  beforeEach(async () => {
    server = await RedisServer.start(path);
    node = await new TestNode(redis(new Redis({ port: server.port, lazyConnect: true }))).open();
  });
  afterEach(async () => {
    await node.driver.close(within(1_000));
    for (const client of clients.splice(0)) client.disconnect();
    await server.end();
  });

  test("looks for an earlier try in small steps, however much was stored after it", async () => {
    await node.append("t", "before");
    const [again] = (await node.driver.tops(["t"])) as [Mark];
    await node.append(
      "t",
      Array.from({ length: 200 }, (_, i) => String(i)),
    );
    const record = message("lost answer");
    const first = await node.driver.append("t", wide, [record]);
    const found = await counts(async () =>
      expect(await node.driver.append("t", wide, [record], { again })).toMatchObject({ first: first.first }),
    );
    expect(Math.max(...found)).toBeLessThanOrEqual(32);
    const lost = await counts(async () =>
      expect(await node.append("t", "new", wide, { again })).toMatchObject({ first: 203 }),
    );
    expect(Math.max(...lost)).toBeLessThanOrEqual(32);
  });

  test("tells an earlier try of the same message from another message with the same id of the application", async () => {
    const record = message("lost answer");
    const first = await node.driver.append("t", wide, [record], { id: "order 7" });
    await node.append("t", "later");
    expect(await node.driver.append("t", wide, [record], { id: "order 7" })).toEqual(first);
    expect(await node.append("t", "again", wide, { id: "order 7" })).toEqual({ ...first, isDuplicate: true });
    expect(textsOf(await node.driver.read("t", wide, 0))).toEqual(["lost answer", "later"]);
  });

  test("does not take one short message for a sign that all are short", async () => {
    await node.append("t", "");
    for (let n = 0; n < 40; n++) await node.append("t", `${n} ${"x".repeat(100_000)}`);
    const steps = await counts(async () => expect(textsOf(await node.driver.read("t", wide, 0))).toHaveLength(12));
    // Each of them is about what was left, or twice as many as before.
    expect(steps.slice(0, 3)).toEqual([1, 2, 4]);
    expect(steps.reduce((sum, count) => sum + count)).toBeLessThan(30);
  });
});
