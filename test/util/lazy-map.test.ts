import { expect, test } from "vitest";
import { LazyMap } from "../../src/util/lazy-map.ts";

test("it is a map, whether it has entries or not", () => {
  const map = new LazyMap<string, number>();
  expect([map.size, map.get("a"), map.delete("a"), [...map]]).toEqual([0, undefined, false, []]);
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["a", 3],
  ] as const)
    map.set(key, value);
  expect([map.size, map.get("a"), [...map]]).toEqual([
    2,
    3,
    [
      ["a", 3],
      ["b", 2],
    ],
  ]);
  expect([map.delete("a"), map.delete("a"), map.delete("b"), map.size, [...map]]).toEqual([true, false, true, 0, []]);
  map.set("c", 4);
  expect([...map]).toEqual([["c", 4]]);
});
