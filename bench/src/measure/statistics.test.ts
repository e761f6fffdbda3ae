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
