import { expect, test } from "vitest";
import { FeatureMap, blockOf } from "../../../fuzz/engine/features.ts";

/** A function of 100 characters. Its block from 10 to 20 was entered this often. */
function report(
  own: number,
  block?: number,
): { url: string; ranges: { startOffset: number; endOffset: number; count: number }[] }[] {
  const ranges = [{ startOffset: 0, endOffset: 100, count: own }];
  if (block !== undefined) ranges.push({ startOffset: 10, endOffset: 20, count: block });
  return [{ url: "file:///x.ts", ranges }];
}

test("the same report has the same features", () => {
  const map = new FeatureMap();
  expect(map.of(report(1, 0))).toEqual(map.of(report(1, 0)));
});

test("a block that a report leaves out was entered as often as its parent", () => {
  const map = new FeatureMap();
  const without = map.of(report(1, 0));
  // V8 does not report the block now: it was entered once, like the function.
  const entered = map.of(report(1));
  expect(without.size).toBe(1);
  expect([...entered].filter((feature) => !without.has(feature))).toHaveLength(1);
});

test("counts are grouped by powers of two", () => {
  const map = new FeatureMap();
  const features = [1, 2, 3, 4, 7, 8].map((count) => [...map.of(report(count))].join());
  expect(new Set(features).size).toBe(4);
  expect(features[1]).toBe(features[2]);
  expect(features[3]).toBe(features[4]);
});

test("features of one block are of that block", () => {
  const map = new FeatureMap();
  const blocks = [1, 2, 1000, 1e9].flatMap((count) => [...map.of(report(count))].map(blockOf));
  expect(new Set(blocks).size).toBe(1);
});

test("the same place in another file is another block", () => {
  const map = new FeatureMap();
  const [one] = report(1);
  map.of([one!, { ...one!, url: "file:///y.ts" }]);
  expect(map.blocks).toBe(2);
});
