import { expect, test } from "vitest";
import { readPresence } from "../../src/server/presence-option.ts";

test("an id, and data as JSON", () => {
  expect(readPresence(undefined)).toBeUndefined();
  expect(readPresence({ id: "ann" })).toEqual({ id: "ann", data: undefined });
  expect(readPresence({ id: "ä".repeat(64), data: { a: [1] } })).toEqual({ id: "ä".repeat(64), data: '{"a":[1]}' });
  expect(readPresence({ id: "a", data: null })).toEqual({ id: "a", data: "null" });
  expect(readPresence({ id: "a", data: "x".repeat(1022) })?.data?.length).toBe(1024);
});

test.each([
  ["no object", "ann", "subscribe: presence: expected an object with id, got"],
  ["null", null, "subscribe: presence: expected an object with id, got null"],
  ["no id", {}, "subscribe: presence: id: expected a string, got undefined"],
  ["a number", { id: 7 }, "subscribe: presence: id: expected a string"],
  ["an empty id", { id: "" }, "subscribe: presence: id: expected 1 to 128 bytes of UTF-8, got 0"],
  ["a long id", { id: "ä".repeat(65) }, "expected 1 to 128 bytes of UTF-8, got 130"],
  ["long data", { id: "a", data: "x".repeat(1023) }, "data: expected 0 to 1024 bytes of UTF-8, got 1025"],
  ["a function", { id: "a", data: () => 1 }, "data: JSON cannot hold"],
  ["a bigint", { id: "a", data: 1n }, "data: JSON cannot hold"],
])("%s is refused", (_what, value, text) => {
  expect(() => readPresence(value)).toThrow(text);
});
