import { describe, expect, test } from "vitest";
import { byteMutators, mutate } from "../../../fuzz/engine/mutate.ts";
import { Random } from "../../../fuzz/engine/random.ts";
import { targets } from "../../../fuzz/targets/all.ts";
import { CORPUS, readCorpus } from "../../../fuzz/engine/corpus.ts";

const input = Buffer.from("some bytes to be mutated");
const other = Buffer.from([1, 2, 3, 4, 5]);

function mutations(seed: number): Buffer[] {
  const random = new Random(seed);
  return Array.from({ length: 200 }, () => mutate(input, other, random, [], 100));
}

test("the same seed makes the same mutations, another seed makes others", () => {
  expect(mutations(1)).toEqual(mutations(1));
  expect(mutations(1)).not.toEqual(mutations(2));
});

test("the mutated input is not changed in place", () => {
  const random = new Random(1);
  const before = [Buffer.from(input), Buffer.from(other)];
  for (let i = 0; i < 500; i++) mutate(input, other, random, [], 100).fill(0);
  expect([input, other]).toEqual(before);
});

test("nothing grows beyond the target's maximum", () => {
  const random = new Random(1);
  let last: Buffer = Buffer.from(input);
  for (let i = 0; i < 500; i++) last = mutate(last, last, random, [], 100);
  expect(Math.max(...mutations(2).map(({ length }) => length), last.length)).toBeLessThanOrEqual(100);
});

test.each(byteMutators.map((mutator) => [mutator.name, mutator] as const))(
  "%s takes an input of no bytes",
  (_name, mutator) => {
    const random = new Random(1);
    for (let i = 0; i < 50; i++) expect(mutator(Buffer.alloc(0), random, Buffer.alloc(0))).toBeInstanceOf(Buffer);
  },
);

test.each(byteMutators.map((mutator) => [mutator.name, mutator] as const))(
  "%s changes most inputs",
  (_name, mutator) => {
    const random = new Random(1);
    const changed = Array.from({ length: 50 }, () => mutator(input, random, other)).filter((one) => !one.equals(input));
    expect(changed.length).toBeGreaterThan(25);
  },
);

describe.each(targets)("the mutators of $name", (target) => {
  const seeds = readCorpus(target, CORPUS).map((seed) => seed.input);

  test("take every input of the corpus, no bytes, and random bytes, and never change them", () => {
    const random = new Random(7);
    for (const seed of [...seeds, Buffer.alloc(0), random.bytes(1), random.bytes(300)]) {
      const before = Buffer.from(seed);
      for (const mutator of target.mutators) mutator(seed, random, random.pick(seeds));
      expect(seed.equals(before)).toBe(true);
    }
  });

  test("give the same result for the same seed", () => {
    const runs = [1, 2].map(() => {
      const random = new Random(8);
      return seeds.map((seed) => mutate(seed, random.pick(seeds), random, target.mutators, target.maxLength));
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0]).not.toEqual(seeds);
  });
});
