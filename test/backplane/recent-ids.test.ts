import { expect, test } from "vitest";
import { ID_TTL, RecentIds } from "../../src/backplane/recent-ids.ts";

const stored = (first: number) => ({ epoch: "abcdefgh", first, isDuplicate: false });

test("an id is known for two minutes", () => {
  const ids = new RecentIds();
  expect(ids.find("t", "a", 0)).toBeUndefined();
  ids.add("t", "a", stored(1), 1_000);
  expect(ids.find("t", "a", 1_000 + ID_TTL - 1)).toEqual(stored(1));
  expect(ids.find("t", "a", 1_000 + ID_TTL)).toBeUndefined();
  expect([ids.size, ids.forgotten, ID_TTL]).toEqual([0, 0, 120_000]);
});

test("an id belongs to its topic", () => {
  const ids = new RecentIds();
  ids.add("t", "ua", stored(1), 0);
  for (const [topic, id] of [
    ["t", "a"],
    ["tu", "a"],
    ["t", ""],
    ["", "tua"],
  ] as const)
    expect(ids.find(topic, id, 0)).toBeUndefined();
  expect(ids.find("t", "ua", 0)).toEqual(stored(1));
});

test("it says when the oldest one expires, and removes no more than that", () => {
  const ids = new RecentIds();
  for (const i of [1, 2, 3]) ids.add("t", String(i), stored(i), i * 1_000);
  expect(ids.dueAt).toBe(1_000 + ID_TTL);
  ids.expire(2_000 + ID_TTL);
  expect([ids.size, ids.dueAt, ids.find("t", "3", 0)]).toEqual([1, 3_000 + ID_TTL, stored(3)]);
  ids.expire(Infinity);
  expect(ids.size).toBe(0);
});

test("if there are too many, the oldest are forgotten and counted", () => {
  const ids = new RecentIds(2);
  for (const i of [1, 2, 3]) ids.add("t", String(i), stored(i), i);
  expect([ids.size, ids.forgotten, ids.find("t", "1", 3), ids.find("t", "2", 3)]).toEqual([2, 1, undefined, stored(2)]);
});
