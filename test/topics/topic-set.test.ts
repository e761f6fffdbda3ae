import { inspect } from "node:util";
import { expect, test } from "vitest";
import { TopicSet } from "../../src/topics/topic-set.ts";

const topics = new Set(["a", "b"]);
const set = new TopicSet(() => topics);

test("it reads like a set", () => {
  expect([set.size, set.has("a"), set.has("c")]).toEqual([2, true, false]);
  expect([[...set], [...set.keys()], [...set.values()]]).toEqual([
    ["a", "b"],
    ["a", "b"],
    ["a", "b"],
  ]);
  expect([...set.entries()]).toEqual([...topics.entries()]);
  const seen: unknown[] = [];
  set.forEach((topic, same, all) => seen.push(topic, same, all === set));
  expect(seen).toEqual(["a", "a", true, "b", "b", true]);
  expect(inspect(set)).toBe(inspect(topics));
});

test("it cannot be changed", () => {
  for (const method of ["add", "delete", "clear"]) expect(method in set).toBe(false);
});
