import { expect, test } from "vitest";
import { Random } from "../../../fuzz/engine/random.ts";

function numbers(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: 1000 }, () => random.next());
}

test("the same seed gives the same numbers, another seed gives others", () => {
  expect(numbers(1)).toEqual(numbers(1));
  expect(numbers(1)).not.toEqual(numbers(2));
});

test("numbers are integers of 32 bits, spread over all of them", () => {
  const all = numbers(3);
  expect(all.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 32)).toBe(true);
  const eighths = new Set(all.map((number) => Math.floor(number / 2 ** 29)));
  expect(eighths.size).toBe(8);
});

test("a choice is never outside of its list, and every member is chosen", () => {
  const random = new Random(4);
  const chosen = Array.from({ length: 200 }, () => random.pick(["a", "b", "c"]));
  expect(new Set(chosen)).toEqual(new Set(["a", "b", "c"]));
});

test("below a limit of 0 or 1 there is only 0", () => {
  const random = new Random(5);
  expect([random.below(0), random.below(1)]).toEqual([0, 0]);
});

test("a range has both its ends", () => {
  const random = new Random(6);
  expect(new Set(Array.from({ length: 100 }, () => random.between(-1, 1)))).toEqual(new Set([-1, 0, 1]));
});
