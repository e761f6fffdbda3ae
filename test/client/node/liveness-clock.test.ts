import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LivenessClock, clockOf } from "../../../src/client/node/liveness-clock.ts";

beforeEach(
  () => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setImmediate", "Date", "performance"] }),
);
afterEach(() => void vi.useRealTimers());

function linkOf() {
  return { check: vi.fn(), probe: vi.fn() };
}

test("each link is checked in each tick, until it is removed", () => {
  const clock = new LivenessClock(100);
  const [a, b] = [linkOf(), linkOf()];
  clock.add(a);
  clock.add(b);
  vi.advanceTimersByTime(250);
  expect([clock.currentTick, a.check.mock.calls.length, b.check.mock.calls.length]).toEqual([2, 2, 2]);
  clock.remove(a);
  vi.advanceTimersByTime(100);
  expect([a.check.mock.calls.length, b.check.mock.calls.length]).toEqual([2, 3]);
  clock.remove(b);
});

test("without links it has no timer; with a link again it goes on", () => {
  const clock = new LivenessClock(100);
  const link = linkOf();
  clock.add(link);
  expect(vi.getTimerCount()).toBe(2);
  clock.remove(link);
  expect(vi.getTimerCount()).toBe(0);
  clock.remove(link);
  clock.add(link);
  vi.advanceTimersByTime(150);
  expect(link.check).toHaveBeenCalledTimes(1);
  clock.remove(link);
});

test("a jump of the wall clock means that the machine has slept: all links are probed once", () => {
  const clock = new LivenessClock(60_000);
  const links = [linkOf(), linkOf()];
  for (const link of links) clock.add(link);
  vi.advanceTimersByTime(10_000);
  expect(links.map(({ probe }) => probe.mock.calls.length)).toEqual([0, 0]);
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  vi.advanceTimersByTime(3_000);
  expect(links.map(({ probe }) => probe.mock.calls.length)).toEqual([1, 1]);
  for (const link of links) clock.remove(link);
});

test("small jumps, and jumps to the past, mean nothing", () => {
  const clock = new LivenessClock(60_000);
  const link = linkOf();
  clock.add(link);
  vi.setSystemTime(Date.now() + 4_000);
  vi.advanceTimersByTime(1_000);
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(2_000);
  expect(link.probe).not.toHaveBeenCalled();
  clock.remove(link);
});

test("the time without links is no sleep", () => {
  const clock = new LivenessClock(60_000);
  const link = linkOf();
  clock.add(link);
  clock.remove(link);
  vi.advanceTimersByTime(60_000);
  clock.add(link);
  vi.advanceTimersByTime(2_000);
  expect(link.probe).not.toHaveBeenCalled();
  clock.remove(link);
});

test("clients with the same tick share a clock", () => {
  expect(clockOf(7_777)).toBe(clockOf(7_777));
  expect(clockOf(7_777)).not.toBe(clockOf(7_778));
});
