import { expect, test } from "vitest";
import { connectionLimitNames } from "../../src/connection/counters/limit-counters.ts";
import { limitNames, newLimitCounters } from "../../src/server/limit-counters.ts";
import { readOptions } from "../../src/server/settings.ts";

test("each limit has a name of its own, and those of a connection are among them", () => {
  expect(new Set(limitNames).size).toBe(limitNames.length);
  expect(limitNames).toEqual(expect.arrayContaining([...connectionLimitNames]));
});

// `maxTopics` is fixed.
test.each(limitNames.filter((name) => name !== "maxTopics"))("%s is the name of an option", (name) => {
  expect(() => readOptions({ [name]: 1 })).not.toThrow();
});

test("new counters are all 0, and each call makes its own", () => {
  const counters = newLimitCounters();
  expect(Object.values(counters)).toEqual(limitNames.map(() => 0));
  counters.maxConnections++;
  expect(newLimitCounters().maxConnections).toBe(0);
});
