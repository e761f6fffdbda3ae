import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { elapsedTime } from "../../src/client/elapsed-time.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("it goes on with either clock, and never back", () => {
  let now = 50;
  const elapsed = elapsedTime(() => now);
  expect(elapsed()).toBe(0);
  now += 10;
  expect(elapsed()).toBe(10);
  // The machine has slept for an hour.
  vi.setSystemTime(Date.now() + 3_600_000);
  now += 5;
  expect(elapsed()).toBe(3_600_010);
  // The clock on the wall is set back.
  vi.setSystemTime(Date.now() - 7_200_000);
  now += 7;
  expect(elapsed()).toBe(3_600_017);
});
