import { expect, test } from "vitest";
import { RedisDriver } from "../../src/redis/redis-driver.ts";
import { memory } from "../../src/backplane/memory.ts";
import { TestNode } from "../support/backplane/node.ts";
import { until } from "../support/backplane/until.ts";
import { FakeLibrary } from "../support/redis/fake-connection.ts";
import { within } from "../support/within.ts";

const away = expect.objectContaining({ code: "HWS_BACKPLANE_AWAY" }) as Error;

test("it says what it is", () => {
  const driver = new RedisDriver(new FakeLibrary(), "p");
  expect([driver.name, driver.maxBatch, driver.keepsPackets, driver.hasPeers]).toEqual(["redis", 256, false, true]);
});

test("it opens once, and not after it was closed", async () => {
  const driver = new RedisDriver(new FakeLibrary(), "p");
  const host = new TestNode(memory());
  await driver.open(host, host.name);
  await expect(driver.open(host, host.name)).rejects.toEqual(away);
  await until("ready", () => host.statuses.includes("ready"));
  await driver.close(within(0));
  await driver.close(within(0));
  expect(host.statuses).toEqual(["ready", "closed"]);
  const never = new RedisDriver(new FakeLibrary(), "p");
  await never.close(within(0));
  await expect(never.open(host, host.name)).rejects.toEqual(away);
});
