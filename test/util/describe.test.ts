import { expect, test } from "vitest";
import { describe } from "../../src/util/describe.ts";

class Member {
  readonly name = "";
}

test.each([
  [null, "null"],
  [undefined, "undefined"],
  [5, "a number"],
  [{}, "an object without it"],
  [["a"], "an array"],
  [() => undefined, "a function"],
  [Member, 'a class: did you mean "new Member()"?'],
])("%s", (value, text) => {
  expect(describe(value)).toBe(text);
});
