import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Expiring, Expiry } from "../../src/backplane/expiry.ts";

class Item implements Expiring {
  dueIn: number | undefined;
  readonly dueAt: number;

  constructor(dueAt: number) {
    this.dueAt = dueAt;
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const now = (): number => performance.now();

function start(onDue?: (item: Item) => void) {
  const seen: Item[] = [];
  const expiry = new Expiry<Item>(now, (item) => {
    seen.push(item);
    onDue?.(item);
  });
  expiry.start();
  return { expiry, seen, at: (ms: number) => new Item(now() + ms) };
}

test("items are looked at when they are due, at most a second later, and never before", () => {
  const { expiry, seen, at } = start();
  const items = [5_000, 60_000, 100, 60_500].map(at);
  for (const item of items) expiry.add(item);
  for (let i = 0; i < 70; i++) {
    vi.advanceTimersByTime(1_000);
    for (const item of items) {
      if (item.dueAt > now()) expect(seen).not.toContain(item);
      if (item.dueAt + 1_100 <= now()) expect(seen).toContain(item);
    }
  }
  expect([seen.length, vi.getTimerCount()]).toEqual([4, 0]);
});

test("there is a timer only while something waits", () => {
  const { expiry, at } = start();
  expect(vi.getTimerCount()).toBe(0);
  const item = at(5_000);
  expiry.add(item);
  expiry.add(item);
  expect(vi.getTimerCount()).toBe(1);
  expiry.add(at(1_000));
  expiry.add(at(9_000));
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(20_000);
  expect(vi.getTimerCount()).toBe(0);
});

test("an item that is deleted is not looked at", () => {
  const { expiry, seen, at } = start();
  const [one, two] = [at(5_000), at(5_000)];
  for (const item of [one, two]) expiry.add(item);
  expiry.delete(one);
  expiry.delete(one);
  vi.advanceTimersByTime(10_000);
  expect([seen, one.dueIn, two.dueIn]).toEqual([[two], undefined, undefined]);
  expiry.add(one);
  vi.advanceTimersByTime(10_000);
  expect(seen).toEqual([two, one]);
});

test("an item may be added again when it is looked at", () => {
  let [first, wasAdded] = [0, 0];
  const { expiry, seen, at } = start(() => {
    if (wasAdded++ < 3) expiry.add(at(2_000));
  });
  first = now();
  expiry.add(at(2_000));
  vi.advanceTimersByTime(30_000);
  expect([seen.length, vi.getTimerCount(), seen.at(-1)!.dueAt - first >= 8_000]).toEqual([4, 0, true]);
});

test("while it is stopped there is no timer, and afterwards all is looked at that is due", () => {
  const { expiry, seen, at } = start();
  expiry.add(at(5_000));
  expiry.stop();
  expiry.stop();
  expiry.add(at(1_000));
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(seen).toEqual([]);
  expiry.start();
  expiry.start();
  vi.advanceTimersByTime(1_000);
  expect([seen.length, vi.getTimerCount()]).toEqual([2, 0]);
});

test("many items take several turns of the event loop", () => {
  const { expiry, seen, at } = start();
  for (let i = 0; i < 25_000; i++) expiry.add(at(1_000));
  vi.advanceTimersToNextTimer();
  expect(seen.length).toBe(10_000);
  vi.advanceTimersByTime(100);
  expect([seen.length, vi.getTimerCount()]).toEqual([25_000, 0]);
});

test("a time of more than 24 days is longer than a timer can be", () => {
  const { expiry, seen, at } = start();
  const month = 31 * 24 * 60 * 60 * 1000;
  expiry.add(at(month));
  vi.advanceTimersByTime(month - 10_000);
  expect(seen.length).toBe(0);
  vi.advanceTimersByTime(20_000);
  expect([seen.length, vi.getTimerCount()]).toEqual([1, 0]);
});

test("the timer does not keep the process alive, and runs in no asynchronous context", async () => {
  vi.useRealTimers();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const storage = new AsyncLocalStorage<string>();
  const before = timers();
  let after = 0;
  const context = await new Promise((resolve) => {
    const expiry = new Expiry<Item>(now, () => resolve(storage.getStore()));
    expiry.start();
    storage.run("of somebody", () => expiry.add(new Item(now())));
    after = timers();
  });
  expect([context, after]).toEqual([undefined, before]);
});
