import assert from "node:assert/strict";
import { test } from "node:test";
import { median, ratio } from "./statistics.ts";

test("the median of an odd number of values is the middle one, of an even number the mean of two", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 7]), 6);
});

test("a ratio is computed for each round, not between medians", () => {
  assert.deepEqual(ratio([10, 40, 90], [10, 20, 30]), { median: 2, lowest: 1, highest: 3 });
});

test("there is no ratio if a figure is missing or a server has none", () => {
  assert.equal(ratio([1, null], [1, 1]), null);
  assert.equal(ratio([], [1]), null);
});

test("from six rounds on there is a 95 % interval of the median, which leaves the outermost rounds out when there are more", () => {
  const of = (count: number) =>
    ratio(
      Array.from({ length: count }, (_, i) => i + 1),
      Array.from({ length: count }, () => 1),
    )?.interval;
  // Two-sided sign test, 5 %.
  assert.equal(of(5), undefined);
  assert.deepEqual(of(6), { low: 1, high: 6 });
  assert.deepEqual(of(8), { low: 1, high: 8 });
  assert.deepEqual(of(9), { low: 2, high: 8 });
  assert.deepEqual(of(12), { low: 3, high: 10 });
  assert.deepEqual(of(20), { low: 6, high: 15 });
});
