import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_HINT, delayBeforeDial } from "../../src/client/backoff.ts";

const defaults = { baseDelay: 1_000, maxDelay: 30_000 };

test("the means of the delays double up to the widest range", () => {
  const means = [1, 2, 3, 4, 5, 6, 7].map((failures) => delayBeforeDial({ failures }, defaults, 0.5));
  expect(means).toEqual([600, 1_100, 2_100, 4_100, 8_100, 15_100, 15_100]);
});

test("the delay is spread over the whole range, from 100 ms on", () => {
  expect([0, 1].map((random) => delayBeforeDial({ failures: 1 }, defaults, random))).toEqual([100, 1_100]);
});

test("after 1012 the range is at least 5 s, and never narrower than without", () => {
  expect(delayBeforeDial({ failures: 1, code: 1012 }, defaults, 1)).toBe(5_100);
  expect(delayBeforeDial({ failures: 5, code: 1012 }, defaults, 1)).toBe(16_100);
});

test.each([{ code: 1013 }, { status: 503 }, { status: 429 }])(
  "a busy server (%o) counts as three failures more",
  (busy) => {
    expect(delayBeforeDial({ failures: 1, ...busy }, defaults, 1)).toBe(8_100);
  },
);

test.each([
  [0, 0, 1_000],
  [-1, 0, 1_000],
  [7_000, 7_000, 8_750],
  [1e12, MAX_HINT, MAX_HINT * 1.25],
])("a hint of %i ms is from %i to %i", (hint, least, most) => {
  const range = [0, 1].map((random) => delayBeforeDial({ failures: 1, status: 503, hint }, defaults, random));
  expect(range).toEqual([least, most]);
});

test("no delay is longer than a timer can wait, nor negative", () => {
  const number = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(
      fc.record({ failures: fc.nat(), hint: fc.option(fc.double({ noNaN: true }), { nil: undefined }) }),
      fc.record({ baseDelay: number, maxDelay: number }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failed, settings, random) => {
        const delay = delayBeforeDial(failed, settings, random);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThan(2 ** 31);
      },
    ),
  );
});
