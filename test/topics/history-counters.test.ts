import { expect, test } from "vitest";
import { newHistoryCounters } from "../../src/topics/history-counters.ts";

test("counters begin at zero, each time new ones", () => {
  const [one, two] = [newHistoryCounters(), newHistoryCounters()];
  one.gaps.reset++;
  expect(two.gaps).toEqual({ reset: 0, fork: 0, trimmed: 0 });
  expect(Object.values({ ...two, gaps: 0 }).every((count) => count === 0)).toBe(true);
});
