import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { scripts } from "../../src/redis/scripts.ts";

test.each(Object.entries(scripts))("%s has the name that Redis gives it", (_name, { source, sha }) => {
  expect(sha).toBe(createHash("sha1").update(source).digest("hex"));
  // In Lua \18 is an escape, in JavaScript it would be none.
  expect(source).not.toMatch(/[\0-\x08\x0b-\x1f]/);
});

test("no two scripts are the same", () => {
  expect(new Set(Object.values(scripts).map(({ sha }) => sha)).size).toBe(Object.keys(scripts).length);
});
