import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type BudgetOwner, ByteBudget } from "../../src/util/byte-budget.ts";
import { cases, seed } from "../support/fuzz.ts";

const owner = (): BudgetOwner => ({ budgeted: undefined });
let [slow, slower] = [owner(), owner()];
beforeEach(() => void ([slow, slower] = [owner(), owner()]));

describe("a budget", () => {
  test("is the sum of what waits for each", () => {
    const budget = new ByteBudget();
    expect(budget.total).toBe(0);
    budget.set(slow, 100);
    budget.set(slower, 1000);
    expect(budget.total).toBe(1100);
  });

  test("knows the last size that each reported", () => {
    const budget = new ByteBudget();
    budget.set(slow, 100);
    budget.set(slow, 70);
    expect(budget.total).toBe(70);
    budget.set(slow, 0);
    expect(budget.total).toBe(0);
  });

  test("forgets a queue that is cleared, also twice, also one that never reported", () => {
    const budget = new ByteBudget();
    budget.set(slow, 100);
    budget.set(slower, 1000);
    budget.clear(slow);
    budget.clear(slow);
    budget.clear(owner());
    expect(budget.total).toBe(1000);
    budget.set(slow, 1);
    expect(budget.total).toBe(1001);
  });
});

describe("the share of each", () => {
  test("is not bounded while the total is within the limit", () => {
    const budget = new ByteBudget();
    expect(budget.share(0)).toBe(Infinity);
    budget.set(slow, 100);
    budget.set(slower, 900);
    expect(budget.share(1000)).toBe(Infinity);
  });

  test("is an equal part of the limit when the total is beyond it, however unequal the queues", () => {
    const budget = new ByteBudget();
    budget.set(slow, 1);
    budget.set(slower, 1000);
    expect(budget.share(1000)).toBe(500);
    budget.set(owner(), 1);
    budget.set(owner(), 1);
    expect(budget.share(1000)).toBe(250);
    budget.clear(slow);
    expect(budget.share(1000)).toBeCloseTo(1000 / 3);
  });

  test("counts a queue once that reports twice", () => {
    const budget = new ByteBudget();
    budget.set(slow, 1000);
    budget.set(slow, 2000);
    expect(budget.share(1000)).toBe(1000);
  });
});

describe("bytes that are taken", () => {
  test("belong to the total, and never exceed the limit", () => {
    const budget = new ByteBudget();
    budget.set(slow, 100);
    expect(budget.take(900, 1000)).toBe(true);
    expect(budget.total).toBe(1000);
    expect(budget.take(1, 1000)).toBe(false);
    expect(budget.total).toBe(1000);
    budget.giveBack(900);
    expect(budget.total).toBe(100);
  });

  test("have no share of their own: what they leave of the limit is divided by those who wait", () => {
    const budget = new ByteBudget();
    expect(budget.take(400, 1000)).toBe(true);
    budget.set(slow, 500);
    budget.set(slower, 500);
    expect([budget.reserved, budget.share(1000)]).toEqual([400, 300]);
    budget.giveBack(400);
    expect([budget.reserved, budget.share(1000)]).toEqual([0, Infinity]);
  });

  test("leave nothing to those who wait if they have the whole limit, or more: that of another server", () => {
    const budget = new ByteBudget();
    expect(budget.take(100, 100)).toBe(true);
    budget.set(slow, 50);
    budget.set(slower, 50);
    expect([budget.total, budget.share(100), budget.share(50)]).toEqual([200, 0, 0]);
  });
});

describe("any sequence of reports and clears", () => {
  const step = fc.record({
    who: fc.nat({ max: 4 }),
    bytes: fc.option(fc.nat({ max: 1_000_000 }), { nil: undefined }),
  });

  test("keeps the total equal to the sum, and within the limit if all keep to their share", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 2_000_000 }), (steps, limit) => {
        const budget = new ByteBudget();
        const all = Array.from({ length: 5 }, owner);
        const model = new Map<BudgetOwner, number>();
        for (const { who, bytes } of steps) {
          const one = all[who]!;
          if (bytes === undefined) {
            budget.clear(one);
            model.delete(one);
          } else {
            budget.set(one, bytes);
            model.set(one, bytes);
          }
          const total = [...model.values()].reduce((sum, waiting) => sum + waiting, 0);
          expect(budget.total).toBe(total);
          const share = budget.share(limit);
          expect(share === Infinity).toBe(total <= limit);
          const kept = [...model.values()].reduce((sum, waiting) => sum + Math.min(waiting, share), 0);
          expect(kept).toBeLessThanOrEqual(limit * 1.000001);
        }
      }),
      { seed, numRuns: cases(300) },
    );
  });
});
