import { expect, test } from "vitest";
import { newBackplaneCounters } from "../../src/topics/backplane-counters.ts";

test("all counters begin at zero, each with numbers of its own", () => {
  const counters = newBackplaneCounters();
  expect(new Set(Object.values(counters))).toEqual(new Set([0]));
  counters.sent++;
  expect(newBackplaneCounters().sent).toBe(0);
});
