import { describe, expect, test } from "vitest";
import { isThenable } from "../../src/util/thenable.ts";

describe("isThenable", () => {
  test.each([
    [Promise.resolve(), true],
    [{ then: () => undefined }, true],
    [{ then: "x" }, false],
    [{}, false],
    [null, false],
    [undefined, false],
    ["then", false],
    [7, false],
  ])("of %o is %s", (value, expected) => {
    expect(isThenable(value)).toBe(expected);
  });
});
