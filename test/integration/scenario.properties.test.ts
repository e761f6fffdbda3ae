import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { cases } from "../support/fuzz.ts";
import { runScenario } from "../support/scenario/run.ts";

/**
 * The first scenario of a run: a new one each time, or `SCENARIO_SEED`. `npx tsx scripts/scenario.ts --seed N --runs 1`
 * repeats one scenario, and `--minutes N` runs many.
 */
const first = Number(process.env["SCENARIO_SEED"] ?? Date.now() % 1_000_000_000);

/** Scenarios that once failed, by a fault or by a mistake of the test. */
const REGRESSIONS = [1, 22, 25, 33];

/** Far more than a run takes. */
const TIMEOUT = 120_000;

describe("several servers with peers of all kinds, slow, broken and odd ones", { timeout: TIMEOUT }, () => {
  test("deliver in order, exactly once and to the right peer, count right, and leave nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        const { faults } = await runScenario(seed);
        expect(faults, `scenario ${seed}`).toEqual([]);
      }),
      {
        seed: first,
        numRuns: cases(16) + REGRESSIONS.length,
        examples: REGRESSIONS.map((seed) => [seed]),
        endOnFailure: true,
      },
    );
  });
});
