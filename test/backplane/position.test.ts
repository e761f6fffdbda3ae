import { expect, test } from "vitest";
import { NO_ID } from "../../src/backplane/ids.ts";
import { positionOf, readPosition } from "../../src/backplane/position.ts";

const mark = { epoch: "abcd-_12", offset: 77, id: "0123456789abcdef" };

test("a position is short, and has only characters that a URL may have", () => {
  expect(positionOf(mark)).toBe("abcd-_12.25.0123456789abcdef");
  expect(positionOf({ ...mark, offset: 2 ** 48 - 1 }).length).toBeLessThanOrEqual(40);
});

test.each([mark, { ...mark, offset: 0, id: NO_ID }, { ...mark, offset: 2 ** 48 - 1 }])("is read as %o", (one) => {
  expect(readPosition(positionOf(one))).toEqual(one);
});

test.each([
  undefined,
  null,
  7,
  {},
  "",
  "-",
  "abcdefgh",
  "abcdefgh.1",
  "abcdefgh.1.",
  "abcdefgh..-",
  "abcdefgh.-1.-",
  "abcdefgh.1.0123456789abcde",
  "abcdefgh.1.0123456789abcdef0",
  "abcdefg.1.-",
  "abcdefgh.1.-\n",
  "abcdefgh.A.-",
  "abcdefgh.zzzzzzzzzzz.-",
  `abcdefgh.1.${"a".repeat(100)}`,
  "ä".repeat(8) + ".1.-",
])("%o is no position", (text) => {
  expect(readPosition(text)).toBeUndefined();
});
