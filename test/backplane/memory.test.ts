import { expect, test, vi } from "vitest";
import { MemoryBackplane, memory } from "../../src/backplane/memory.ts";
import { LEASE } from "../../src/backplane/memory-broker.ts";
import { MemoryClock } from "../support/backplane/memory-clock.ts";
import { TestNode } from "../support/backplane/node.ts";
import type { SuiteBroker } from "../support/backplane/rig.ts";
import { driverSuite } from "../support/backplane/suite.ts";
import { within } from "../support/within.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

driverSuite("memory", async (): Promise<SuiteBroker> => {
  const clock = new MemoryClock();
  return {
    backplane: new MemoryBackplane({}, clock.now),
    now: clock.now,
    pass: async (ms) => clock.skip(ms),
    endLease: async () => clock.skip(LEASE),
    settle: turn,
    end: turn,
  };
});

test("it needs no options, and refuses those that it does not have", () => {
  expect(memory().counters).toEqual({ trimmed: 0, forgottenTopics: 0, forgottenIds: 0 });
  expect(memory({ maxBytes: Infinity }).counters.trimmed).toBe(0);
  expect(() => memory({ maxbytes: 1 } as object)).toThrow(
    'memory: there is no option "maxbytes": did you mean maxBytes?',
  );
  expect(() => memory({ maxBytes: 0 })).toThrow("memory: maxBytes");
  for (const options of [7, null, "x"])
    expect(() => memory(options as never)).toThrow("memory: options: expected an object");
});

test("messages beyond maxBytes are trimmed, the oldest ones of the quietest topic first, and counted", async () => {
  const backplane = memory({ maxBytes: 100_000 });
  const node = await new TestNode(backplane).open();
  await node.append(
    "quiet",
    ["1", "2"].map((text) => text.padEnd(20_000, ".")),
  );
  for (let i = 0; i < 4; i++) await node.append("busy", "x".repeat(20_000));
  const kept = async () =>
    Promise.all(["quiet", "busy"].map(async (topic) => (await node.readAll(topic))[0]!.entries.length));
  expect([await kept(), backplane.counters.trimmed]).toEqual([[0, 4], 2]);
  await node.append("quiet", "x".repeat(20_000));
  expect([await kept(), backplane.counters.trimmed]).toEqual([[1, 3], 3]);
  // The position of a topic that has lost all its messages is still known.
  expect((await node.driver.tops(["quiet"]))[0]?.offset).toBe(3);
  await node.append("huge", "x".repeat(200_000));
  expect([await kept(), backplane.counters.trimmed]).toEqual([[0, 0], 8]);
  await node.driver.close(within(0));
});

test("after the last close there is no timer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const backplane = memory();
  const nodes = [await new TestNode(backplane).open(), await new TestNode(backplane).open()];
  await nodes[0]!.append("t", "1");
  await nodes[0]!.driver.close(within(0));
  expect(vi.getTimerCount()).toBe(1);
  await nodes[1]!.driver.close(within(0));
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test("a broker that is opened again knows what was stored", async () => {
  const backplane = memory();
  const first = await new TestNode(backplane).open();
  const { epoch } = await first.append("t", "1");
  await first.driver.close(within(0));
  const second = await new TestNode(backplane).open();
  expect(await second.append("t", "2")).toEqual({ epoch, first: 2, isDuplicate: false });
  await second.driver.close(within(0));
});

test("brokers have nothing in common", async () => {
  const nodes = await Promise.all([memory(), memory()].map((one) => new TestNode(one).open()));
  const [a, b] = await Promise.all(nodes.map((node) => node.append("t", "1")));
  expect([a?.first, b?.first, a?.epoch === b?.epoch]).toEqual([1, 1, false]);
  for (const { driver } of nodes) {
    expect(driver.hasPeers).toBe(false);
    await driver.close(within(0));
  }
});
