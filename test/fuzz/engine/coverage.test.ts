import { afterAll, expect, test } from "vitest";
import { Coverage, isLibrary } from "../../../fuzz/engine/coverage.ts";
import { FeatureMap } from "../../../fuzz/engine/features.ts";
import { isToy } from "../toy/target.ts";
import { loopToy, readToy } from "../toy/toy.ts";

const coverage = new Coverage(isToy);
afterAll(() => {
  coverage.close();
});

test("tells what has run since the last call, and nothing of other files", () => {
  coverage.take();
  readToy(Buffer.from("xxxx"));
  const taken = coverage.take();
  expect(taken.length).toBeGreaterThan(0);
  expect(taken.every(({ url }) => isToy(url))).toBe(true);
  expect(coverage.take()).toEqual([]);
});

test("distinguishes inputs that go one block further", () => {
  const map = new FeatureMap();
  const features = ["00000000", "60000000", "60b00000", "60b01000"].map((digits) => {
    readToy(Buffer.from(digits, "hex"));
    return map.of(coverage.take());
  });
  const further = features.slice(1).map((set, i) => [...set].some((feature) => !features[i]!.has(feature)));
  expect(further).toEqual([true, true, true]);
});

test("counts steps: twice as many turns of a loop are twice as many, and they count for the next call too", () => {
  coverage.take();
  const [few = 0, many = 0] = [1000, 2000].map((times) => coverage.steps(() => loopToy(times)));
  expect(few).toBeGreaterThan(1000);
  expect(many / few).toBeCloseTo(2, 1);
  expect(coverage.take().length).toBeGreaterThan(0);
});

test("the library is src/ and nothing else", () => {
  const here = new URL("../../../", import.meta.url).href;
  expect([`${here}src/protocol/frame-reader.ts`, `${here}test/fuzz/toy/toy.ts`, "node:http"].map(isLibrary)).toEqual([
    true,
    false,
    false,
  ]);
});
