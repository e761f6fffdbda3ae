import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lingering } from "../../src/topics/lingering.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function rig() {
  const gone: string[] = [];
  return { gone, lingering: new Lingering((topics) => gone.push(...topics)) };
}

test("each topic is forgotten 30 s after it was added, with one timer for all", () => {
  const { gone, lingering } = rig();
  lingering.add("a");
  vi.advanceTimersByTime(10_000);
  lingering.add("b");
  lingering.add("a");
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(20_001);
  expect(gone).toEqual(["a"]);
  vi.advanceTimersByTime(10_002);
  expect([gone, vi.getTimerCount()]).toEqual([["a", "b"], 0]);
});

test("a topic that has a subscriber again stays", () => {
  const { gone, lingering } = rig();
  lingering.add("a");
  expect([lingering.remove("a"), lingering.remove("a")]).toEqual([true, false]);
  vi.advanceTimersByTime(60_000);
  expect([gone, vi.getTimerCount()]).toEqual([[], 0]);
});

test("after clear nothing is told, and no timer is left", () => {
  const { gone, lingering } = rig();
  lingering.add("a");
  lingering.clear();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(gone).toEqual([]);
});

test("of too many the earliest is forgotten at once", () => {
  const gone: string[] = [];
  const lingering = new Lingering((topics) => gone.push(...topics), 2);
  for (const topic of ["a", "b", "c", "c"]) lingering.add(topic);
  expect(gone).toEqual(["a"]);
  vi.advanceTimersByTime(30_001);
  expect(gone).toEqual(["a", "b", "c"]);
});
