import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { cases } from "../support/fuzz.ts";
import { runScenario } from "../support/scenario/run.ts";

/**
 * The first scenario of a run: a new one each time, or `SCENARIO_SEED`. `npx tsx scripts/scenario.ts --seed N --runs 1`
 * repeats one scenario, and `--minutes N` runs many.
 */
const first = Number(process.env["SCENARIO_SEED"] ?? Date.now() % 1_000_000_000);

/** Scenarios that once failed, by a fault or by a mistake of the test, from before peers had traits. */
const REGRESSIONS: readonly (readonly [seed: number, what: string])[] = [
  ...[1, 22, 25, 33].map((seed) => [seed, "a fault of a first version"] as const),
  [49, "a fault that came and went"],
  [100_344, "a peer has not ended"],
  [100_369, "the first message was lost before a reset"],
  [100_568, "29 of 30 messages came under drop-oldest"],
];

/** Far more than a run takes. */
const TIMEOUT = 120_000;

describe("several servers with peers of all kinds, slow, broken and odd ones", { timeout: TIMEOUT }, () => {
  test.each(REGRESSIONS)("scenario %d: %s", async (seed) => {
    expect((await runScenario(seed, false)).faults).toEqual([]);
  });

  test("deliver in order, exactly once and to the right peer, count right, and leave nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        const { faults } = await runScenario(seed);
        expect(faults, `scenario ${seed}`).toEqual([]);
      }),
      {
        seed: first,
        numRuns: cases(16),
        endOnFailure: true,
      },
    );
  });
});
