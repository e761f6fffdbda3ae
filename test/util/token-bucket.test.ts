import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenBucket } from "../../src/util/token-bucket.ts";
import { cases, seed } from "../support/fuzz.ts";

describe("a bucket", () => {
  test("holds the tokens of one second, and returns the time until the missing ones are there", () => {
    const bucket = new TokenBucket(1000, 0);
    expect(bucket.take(1000, 0)).toBe(0);
    expect(bucket.take(100, 0)).toBe(100);
    expect(bucket.take(0, 99)).toBe(1);
    expect(bucket.take(0, 100)).toBe(0);
    expect(bucket.take(100, 200)).toBe(0);
    expect(bucket.take(1, 200)).toBe(1);
  });

  test("fills up with time, up to its size", () => {
    const bucket = new TokenBucket(10, 5000);
    bucket.take(10, 5000);
    expect(bucket.take(5, 5500)).toBe(0);
    expect(bucket.take(10, 900_000)).toBe(0);
    expect(bucket.take(1, 900_000)).toBe(100);
  });

  test("may be overdrawn by more than it holds: that is paid back first", () => {
    const bucket = new TokenBucket(1000, 0);
    expect(bucket.take(3500, 0)).toBe(2500);
    expect(bucket.take(0, 2499)).toBe(1);
    expect(bucket.take(0, 2500)).toBe(0);
    expect(bucket.take(1, 2500)).toBe(1);
  });

  test("says whole milliseconds, enough of them", () => {
    const bucket = new TokenBucket(3, 0);
    expect(bucket.take(4, 0)).toBe(334);
    expect(bucket.take(0, 334)).toBe(0);
  });

  test("may hold more than the tokens of one second", () => {
    const bucket = new TokenBucket(10, 0, 3_000);
    expect([bucket.take(3_000, 0), bucket.take(1, 0), bucket.take(1, 200)]).toEqual([0, 100, 0]);
    expect([bucket.take(3_000, 1_000_000), bucket.take(1, 1_000_000)]).toEqual([0, 100]);
  });

  test("never runs dry at an infinite rate", () => {
    const bucket = new TokenBucket(Infinity, 0);
    expect(bucket.take(Number.MAX_SAFE_INTEGER, 0)).toBe(0);
    expect(bucket.take(Infinity, 0)).toBe(0);
    bucket.refund(5);
    expect(bucket.take(1, 0)).toBe(0);
  });

  test("gets returned tokens back", () => {
    const bucket = new TokenBucket(10, 0);
    bucket.take(10, 0);
    bucket.refund(4);
    expect(bucket.take(4, 0)).toBe(0);
    expect(bucket.take(1, 0)).toBe(100);
  });

  test("never holds more than its size, also when more tokens are returned than were taken", () => {
    const bucket = new TokenBucket(10, 0);
    bucket.refund(1000);
    expect(bucket.take(10, 0)).toBe(0);
    expect(bucket.take(1, 0)).toBe(100);
  });
});

/** Whole tokens a millisecond, so that all sums are exact. */
const rates = fc.integer({ min: 1, max: 50 }).map((each) => each * 1000);
const takes = fc.array(
  fc.record({
    after: fc.oneof(fc.constant(0), fc.nat({ max: 20 }), fc.nat({ max: 3000 })),
    amount: fc.nat({ max: 60_000 }),
  }),
  { minLength: 1, maxLength: 60 },
);

describe("over any takes", () => {
  test("no more is granted without a wait than the rate brings, and one second's worth", () => {
    fc.assert(
      fc.property(rates, takes, (rate, all) => {
        const bucket = new TokenBucket(rate, 0);
        let now = 0;
        let granted = 0;
        for (const { after, amount } of all) {
          now += after;
          if (bucket.take(amount, now) > 0) continue;
          granted += amount;
          expect(granted).toBeLessThanOrEqual(rate + (rate * now) / 1000);
        }
      }),
      { seed, numRuns: cases(1000) },
    );
  });

  test("the wait is the shortest after which no debt is left", () => {
    fc.assert(
      fc.property(rates, takes, (rate, all) => {
        const [bucket, twin] = [new TokenBucket(rate, 0), new TokenBucket(rate, 0)];
        let now = 0;
        let wait = 0;
        for (const { after, amount } of all) {
          now += after;
          wait = bucket.take(amount, now);
          twin.take(amount, now);
        }
        expect(bucket.take(0, now + wait)).toBe(0);
        if (wait > 0) expect(twin.take(0, now + wait - 1)).toBe(1);
      }),
      { seed, numRuns: cases(1000) },
    );
  });

  test("who keeps the rate never waits", () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60 }), (rate, pauses) => {
        const bucket = new TokenBucket(rate, 0);
        bucket.take(rate, 0);
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          expect(bucket.take((Math.min(pause, 1000) * rate) / 1000, now)).toBe(0);
        }
      }),
      { seed, numRuns: cases(500) },
    );
  });
});
