import { afterAll, describe, expect, test } from "vitest";
import { Coverage } from "../../../fuzz/engine/coverage.ts";
import type { Crash } from "../../../fuzz/engine/crash.ts";
import { Fuzzer } from "../../../fuzz/engine/fuzzer.ts";
import type { Target } from "../../../fuzz/engine/target.ts";
import { isToy, loop, toy } from "../toy/target.ts";

const coverage = new Coverage(isToy);
const blind = new Coverage(() => false);
afterAll(() => {
  coverage.close();
  blind.close();
});

/** Inputs among which only guidance finds the planted bug. */
const ENOUGH = 4000;

const seeds = [{ name: "four bytes", input: Buffer.from("0000") }];

/** Fuzzes a target until it crashes, or this many inputs were tried. */
async function fuzz(target: Target, runs: number, seed = 1, by = coverage): Promise<Fuzzer> {
  const fuzzer = new Fuzzer({ target, seeds, seed, coverage: by });
  await fuzzer.start();
  while (fuzzer.tried < runs && fuzzer.crashes.size === 0) await fuzzer.round();
  return fuzzer;
}

describe("a fuzzer", () => {
  test("finds a bug that four checks hide, step by step, and tells its smallest input", async () => {
    const { crashes, tried } = await fuzz(toy, ENOUGH, 2);
    const [crash] = [...crashes.values()];
    expect(tried).toBeLessThan(ENOUGH);
    expect(crash?.message).toBe("the planted bug, at 4 bytes");
    expect(crash?.input.toString("hex")).toMatch(/^6.b.1.e.$/);
    expect(crash?.signature).toMatch(/^RangeError: the planted bug, at … bytes/);
  });

  test("does not find it without coverage: the test before shows guidance, not luck", async () => {
    const { crashes, entries } = await fuzz(toy, ENOUGH, 2, blind);
    expect(crashes.size).toBe(0);
    expect(entries).toHaveLength(seeds.length);
  });

  test("tries the same inputs for the same seed", async () => {
    const finds = [];
    for (const seed of [5, 5, 6]) {
      const { entries, tried } = await fuzz(loop, 500, seed);
      finds.push({ tried, inputs: entries.map(({ input }) => input.toString("hex")) });
    }
    expect(finds[0]).toEqual(finds[1]);
    expect(finds[0]).not.toEqual(finds[2]);
  });

  test("keeps inputs that go round a loop more often than those before", async () => {
    const { entries } = await fuzz(loop, 3000);
    const times = entries.map(({ input }) => input[0] ?? 0);
    expect(new Set(times.map((one) => Math.floor(Math.log2(one + 1)))).size).toBeGreaterThanOrEqual(4);
  });

  test("reports each signature once, however often it is hit", async () => {
    const told: Crash[] = [];
    const target: Target = {
      ...toy,
      run(input) {
        if (input.length > 2) throw new Error(`${String(input.length)} bytes`);
      },
    };
    const fuzzer = new Fuzzer({ target, seeds, seed: 1, coverage, onCrash: (crash) => told.push(crash) });
    await fuzzer.start();
    for (let i = 0; i < 20; i++) await fuzzer.round();
    expect(told.map(({ message, input }) => [message, input.length])).toEqual([["3 bytes", 3]]);
  });

  test("counts a rejection, and a thrown value that is not an error, as a crash", async () => {
    const signatures = [];
    for (const thrown of [undefined, "text", new TypeError("late")] as unknown as Error[]) {
      const target: Target = { ...toy, run: async () => Promise.reject(thrown) };
      signatures.push(...(await fuzz(target, 10)).crashes.keys());
    }
    expect(signatures).toEqual(["thrown: undefined", "thrown: text", "TypeError: late"]);
  });

  test("reports every input to the watchdog before it runs, and when it has ended", async () => {
    const beats: string[] = [];
    const target: Target = { ...toy, run: () => void beats.push("run") };
    const watch = { begin: () => void beats.push("begin"), end: () => void beats.push("end") };
    const fuzzer = new Fuzzer({ target, seeds, seed: 1, coverage, watch });
    await fuzzer.start();
    expect(beats).toEqual(["begin", "run", "end", "begin", "run", "end"]);
  });

  test("selects the finds that together reach everything, and shrinks them while they still do", async () => {
    const fuzzer = await fuzz(loop, 1000);
    const chosen = fuzzer.bestFinds();
    const reached = new Set(chosen.flatMap(({ features }) => [...features]));
    const known = new Set(fuzzer.entries.slice(0, 1).flatMap(({ features }) => [...features]));
    for (const entry of fuzzer.entries)
      for (const one of entry.features) expect(reached.has(one) || known.has(one)).toBe(true);
    const { input } = await fuzzer.shrunk(chosen[0]!);
    expect(input).toHaveLength(1);
  });
});
