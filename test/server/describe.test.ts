import { expect, test } from "vitest";
import { describe } from "../../src/server/describe.ts";

class Member {}

test.each([
  [null, "null"],
  [undefined, "undefined"],
  [5, "a number"],
  [{}, "an object without it"],
  [() => undefined, "a function"],
  [Member, 'a class: did you mean "new Member()"?'],
  [class {}, 'a class: did you mean "new …()"?'],
])("%s", (value, text) => {
  expect(describe(value)).toBe(text);
});
