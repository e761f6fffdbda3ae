import { expect, test } from "vitest";
import type { Driver, Page } from "../../src/backplane/contract.ts";
import { newHistoryCounters } from "../../src/topics/history-counters.ts";
import { PageReads } from "../../src/topics/page-reads.ts";
import { ReadTurns } from "../../src/topics/page-turns.ts";
import { FakeDriver, entries, mark } from "../support/fake-driver.ts";

function rig() {
  const driver = new FakeDriver();
  driver.store(...entries(1, 5));
  const context = { driver: driver as unknown as Driver, counters: newHistoryCounters(), reads: new ReadTurns() };
  const pages: Page[] = [];
  const reads = new PageReads("topic", { size: 10, ttl: 1_000_000 }, context, (page) => void pages.push(page));
  return { driver, reads, pages, counters: context.counters };
}

test("a page is counted, and told before the caller gets it", async () => {
  const { reads, pages, counters } = rig();
  const page = await reads.read(2, mark(2));
  expect(page.entries.map(({ offset }) => offset)).toEqual([3, 4, 5]);
  expect([pages, counters.reads]).toEqual([[page], 1]);
});

test("while a page is read, all who want the same one get it; later it is read again", async () => {
  const { driver, reads } = rig();
  const same = await Promise.all([reads.readOnce(2, mark(2)), reads.readOnce(2, mark(2))]);
  expect(same[0]).toBe(same[1]);
  await Promise.all([reads.readOnce(2, mark(2)), reads.readOnce(2, mark(2, "x")), reads.readOnce(-2, undefined)]);
  expect(driver.reads).toEqual([2, 2, 2, -2]);
});

test("a read that fails is told to all, and is not kept", async () => {
  const { driver, reads, pages } = rig();
  driver.before = () => Promise.reject(new Error("away"));
  for (const read of [reads.readOnce(2, mark(2)), reads.readOnce(2, mark(2))])
    await expect(read).rejects.toThrow("away");
  driver.before = () => Promise.resolve();
  expect((await reads.readOnce(2, mark(2))).entries).toHaveLength(3);
  expect(pages).toHaveLength(1);
});

test("64 receivers read at the same time, of all topics; the others wait, and each gets its page", async () => {
  const { driver, reads } = rig();
  const answers: (() => void)[] = [];
  driver.before = () => new Promise((resolve) => answers.push(resolve));
  const all = Array.from({ length: 200 }, (_, n) => reads.readOnce(0, mark(n, "x")));
  const first = reads.readOnce(0, mark(199, "x"));
  expect(answers).toHaveLength(64);
  // What the topic itself has missed is read at once.
  void reads.read(1, undefined);
  expect(answers).toHaveLength(65);
  for (let n = 0; n < 201; n++) {
    answers[n]!();
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers.length).toBeLessThanOrEqual(n + 66);
  }
  expect((await Promise.all(all)).every(({ entries: got }) => got.length === 5)).toBe(true);
  expect([await first, driver.reads.length]).toEqual([await all[199], 201]);
});

test("a read that fails keeps no turn", async () => {
  const { driver, reads } = rig();
  driver.before = () => Promise.reject(new Error("away"));
  await Promise.allSettled(Array.from({ length: 200 }, (_, n) => reads.readOnce(0, mark(n, "x"))));
  driver.before = () => Promise.resolve();
  expect((await reads.readOnce(2, mark(2))).entries).toHaveLength(3);
});
