import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CORPUS, readCorpus, writeCorpus } from "../../../fuzz/engine/corpus.ts";

const seeds = [
  { name: "all bytes", input: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) },
  { name: "nothing", input: Buffer.alloc(0) },
];

test.each(["hex", "text"] as const)("what is written as %s is read back unchanged", (notation) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-fuzz-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const file = writeCorpus({ name: "x", notation }, seeds, folder);
  expect(readFileSync(file, "latin1")).toMatch(/^[\n -~]*$/);
  expect(readCorpus({ name: "x", notation }, folder)).toEqual(seeds);
});

test("a target without a corpus begins with nothing", () => {
  expect(readCorpus({ name: "no such target", notation: "hex" }, CORPUS)).toEqual([]);
});
