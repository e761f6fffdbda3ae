import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Termination } from "../../src/server/termination.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("of several calls the shortest time counts", async () => {
  const onOver = vi.fn();
  const termination = new Termination(onOver);
  for (const ms of [5_000, 1_000, 60_000]) termination.limit(ms);
  await vi.advanceTimersByTimeAsync(999);
  expect([termination.isOver, onOver.mock.calls.length]).toEqual([false, 0]);
  await vi.advanceTimersByTimeAsync(1);
  await expect(termination.over).resolves.toBeUndefined();
  expect([termination.isOver, onOver.mock.calls.length]).toEqual([true, 1]);
});

test("0 ends the time at once", () => {
  const onOver = vi.fn();
  const termination = new Termination(onOver);
  termination.limit(0);
  expect([termination.isOver, onOver.mock.calls.length]).toEqual([true, 1]);
});

test("after the end there is no timer, and none begins", async () => {
  const onOver = vi.fn();
  const termination = new Termination(onOver);
  termination.limit(1_000);
  termination.end();
  await expect(termination.ended).resolves.toBeUndefined();
  for (const ms of [0, 1_000]) termination.limit(ms);
  expect([vi.getTimerCount(), onOver.mock.calls.length]).toEqual([0, 0]);
});
