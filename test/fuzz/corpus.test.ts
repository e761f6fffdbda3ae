import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CORPUS, readCorpus } from "../../fuzz/engine/corpus.ts";
import { Coverage } from "../../fuzz/engine/coverage.ts";
import { targets } from "../../fuzz/targets/all.ts";

const coverage = new Coverage();
afterAll(() => {
  coverage.close();
});

/** Inputs of a target at most, and bytes of one: the replay is a part of every test run. */
const MAX_INPUTS = 300;
const MAX_LENGTH = 8192;

describe.each(targets)("the corpus of $name", (target) => {
  const seeds = readCorpus(target, CORPUS);

  test("breaks no invariant", async () => {
    const broken: string[] = [];
    for (const { name, input } of seeds) {
      try {
        await target.run(Buffer.from(input), { steps: (call) => coverage.steps(call) });
      } catch (error) {
        broken.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test("is not empty, small enough to be replayed each time, and has no input twice", () => {
    expect(seeds.length).toBeGreaterThan(20);
    expect(seeds.length).toBeLessThanOrEqual(MAX_INPUTS);
    expect(Math.max(...seeds.map(({ input }) => input.length))).toBeLessThanOrEqual(MAX_LENGTH);
    expect(new Set(seeds.map(({ input }) => input.toString("hex"))).size).toBe(seeds.length);
  });

  test("has a file without a name twice, of which JSON would keep the last alone", () => {
    const lines = readFileSync(join(CORPUS, `${target.name}.json`), "utf8").match(/^ {2}"/gm);
    expect(lines).toHaveLength(seeds.length);
  });
});
