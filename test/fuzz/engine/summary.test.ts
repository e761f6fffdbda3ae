import { expect, test } from "vitest";
import { type Result, jsonOf, tableOf } from "../../../fuzz/engine/summary.ts";

const results: Result[] = [
  { target: "a", inputs: 12_345, seconds: 10, corpus: [1, 2], blocks: [3, 4], features: [5, 6], crashes: [] },
  { target: "longer", inputs: 5, seconds: 0, corpus: [0, 0], blocks: [0, 0], features: [0, 0], crashes: ["x", "y"] },
];

test("a run is one table: a line for each target, its columns under each other", () => {
  const [head = "", ...lines] = tableOf(results).split("\n");
  expect(head.split(/ {2,}/)).toEqual([
    "target",
    "inputs tried",
    "inputs/s",
    "corpus",
    "blocks",
    "features",
    "crashes",
  ]);
  expect(lines[0]!.split(/ {2,}/)).toEqual(["a", "12,345", "1,235", "1 → 2", "3 → 4", "5 → 6", "0"]);
  expect(lines[1]!.split(/ {2,}/).at(-1)).toBe("2");
  expect(new Set([head, ...lines].map(({ length }) => length)).size).toBe(1);
});

test("as JSON it has the total number of inputs and of crashes", () => {
  expect(JSON.parse(jsonOf(results, 7))).toMatchObject({
    seed: 7,
    node: process.version,
    total: { inputs: 12_350, crashes: 2 },
    targets: results,
  });
});
