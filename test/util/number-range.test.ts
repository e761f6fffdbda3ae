import { expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { MAX_TIMEOUT, amount, readNumber, time, timeOrNever } from "../../src/util/number-range.ts";

test("undefined is the default; both ends of the range are allowed", () => {
  const range = time(50);
  expect([undefined, 1, MAX_TIMEOUT].map((value) => readNumber("t", value, range))).toEqual([50, 1, MAX_TIMEOUT]);
  expect(readNumber("t", Infinity, timeOrNever(1))).toBe(Infinity);
  expect(readNumber("n", 0, amount(1, 0))).toBe(0);
});

test.each([0, -1, 1.5, NaN, Infinity, MAX_TIMEOUT + 1])("%d milliseconds are out of range", (value) => {
  expect(() => readNumber("t", value, time(50))).toThrow(OutOfRangeError);
});

test.each(["1", null, true, {}])("%o is not a number", (value) => {
  expect(() => readNumber("t", value, time(50))).toThrow(InvalidArgumentError);
});
