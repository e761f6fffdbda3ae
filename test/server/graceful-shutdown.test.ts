import fc from "fast-check";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { GracefulShutdown, type ShutdownSettings } from "../../src/server/graceful-shutdown.ts";

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });
});

/** What `Math.random` says, one after the other and then again from the first. */
function chance(...values: readonly number[]): void {
  let at = 0;
  vi.spyOn(Math, "random").mockImplementation(() => values[at++ % values.length]!);
}

/** A farewell to so many, and who has been told, in that order. */
function farewellTo(count: number, settings: ShutdownSettings): { farewell: GracefulShutdown<number>; told: number[] } {
  const told: number[] = [];
  const everyone = Array.from({ length: count }, (_, i) => i);
  return { farewell: new GracefulShutdown(settings, everyone, (one) => told.push(one)), told };
}

/** The nearest below 1: as much as `Math.random` can say. */
const MOST = 1 - Number.EPSILON / 2;

describe("a batch at a time", () => {
  test("the first is told at once, the next after a pause, those first who have been there the longest", () => {
    chance(0.5);
    const { farewell, told } = farewellTo(5, { closeBatchSize: 2 });
    farewell.start(5_000);
    expect(told).toEqual([0, 1]);
    vi.advanceTimersByTime(99);
    expect(told).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([0, 1, 2, 3]);
    vi.advanceTimersByTime(100);
    expect(told).toEqual([0, 1, 2, 3, 4]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([0, 1, 2, 1_000])("%i fit in one batch: all are told at once, and no timer is left", (count) => {
    const { farewell, told } = farewellTo(count, { closeBatchSize: 1_000 });
    farewell.start(5_000);
    expect(told.length).toBe(count);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("without a limit there is one batch", () => {
    const { farewell, told } = farewellTo(100_000, { closeBatchSize: Infinity });
    farewell.start(5_000);
    expect(told.length).toBe(100_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("who comes or goes after it began does not matter: it says goodbye to those who were there", () => {
    chance(0);
    const told: number[] = [];
    const everyone = [1, 2, 3];
    const farewell = new GracefulShutdown({ closeBatchSize: 1 }, everyone, (one) => told.push(one));
    everyone.push(4);
    farewell.start(1_000);
    everyone.length = 0;
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([1, 2, 3]);
  });
});

describe("the pauses", () => {
  test.each([
    [0, 50],
    [0.25, 75],
    [0.5, 100],
    [MOST, 150],
  ])("when chance says %d they are %i ms: the average, half less or half more at most", (random, ms) => {
    chance(random);
    const { farewell, told } = farewellTo(3, { closeBatchSize: 1 });
    farewell.start(60_000);
    for (const count of [1, 2]) {
      vi.advanceTimersByTime(ms - 1);
      expect(told.length).toBe(count);
      vi.advanceTimersByTime(1);
      expect(told.length).toBe(count + 1);
    }
  });

  test("each is a matter of chance of its own", () => {
    chance(0, MOST);
    const { farewell, told } = farewellTo(4, { closeBatchSize: 1 });
    farewell.start(60_000);
    vi.advanceTimersByTime(50);
    expect(told.length).toBe(2);
    vi.advanceTimersByTime(50);
    expect(told.length).toBe(2);
    vi.advanceTimersByTime(100);
    expect(told.length).toBe(3);
    vi.advanceTimersByTime(50);
    expect(told.length).toBe(4);
  });
});

describe("the time there is", () => {
  test("more than would fit in half of it are told in larger batches", () => {
    chance(MOST);
    const { farewell, told } = farewellTo(10_000, { closeBatchSize: 10 });
    // 1,000 ms hold six pauses of 150 ms at most.
    farewell.start(2_000);
    expect(told.length).toBe(Math.ceil(10_000 / 6));
    vi.advanceTimersByTime(1_000);
    expect(told.length).toBe(10_000);
  });

  test("whatever their number, the batches and chance: all are told within half of it, each once and in order", () => {
    const settings = fc.record({
      closeBatchSize: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Infinity)),
    });
    const random = fc.oneof(fc.constant(MOST), fc.constant(0), fc.double({ min: 0, max: MOST, noNaN: true }));
    const randoms = fc.array(random, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(3_000), settings, fc.integer({ min: 1, max: 20_000 }), randoms, (count, own, ms, values) => {
        chance(...values);
        const { farewell, told } = farewellTo(count, own);
        farewell.start(ms);
        expect(told.length).toBeGreaterThanOrEqual(Math.min(count, own.closeBatchSize));
        vi.advanceTimersByTime(ms / 2);
        expect(told).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});

describe("stop", () => {
  test("nobody is told any more, and no timer is left", () => {
    const { farewell, told } = farewellTo(5, { closeBatchSize: 2 });
    farewell.start(5_000);
    farewell.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(5_000);
    expect(told).toEqual([0, 1]);
  });

  test("when all are told it does nothing; before it began, nobody is told", () => {
    const { farewell, told } = farewellTo(2, { closeBatchSize: 2 });
    farewell.start(5_000);
    farewell.stop();
    farewell.stop();
    expect(told).toEqual([0, 1]);
    const other = farewellTo(2, { closeBatchSize: 2 });
    other.farewell.stop();
    other.farewell.start(5_000);
    expect(other.told).toEqual([]);
  });
});
