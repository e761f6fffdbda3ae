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

/** The results of `Math.random`, one after the other and then again from the first. */
function chance(...values: readonly number[]): void {
  let at = 0;
  vi.spyOn(Math, "random").mockImplementation(() => values[at++ % values.length]!);
}

/** The shutdown of this many connections, and those that were closed, in that order. */
function shutdownOf(count: number, settings: ShutdownSettings): { shutdown: GracefulShutdown<number>; told: number[] } {
  const told: number[] = [];
  const everyone = Array.from({ length: count }, (_, i) => i);
  return { shutdown: new GracefulShutdown(settings, everyone, (one) => told.push(one), fail), told };
}

function fail(_connection: unknown, error: unknown): never {
  throw error as Error;
}

/** The largest number below 1, the maximum of `Math.random`. */
const MOST = 1 - Number.EPSILON / 2;

describe("a batch at a time", () => {
  test("the first is closed at once, the next after a pause, the oldest connections first", () => {
    chance(0.5);
    const { shutdown, told } = shutdownOf(5, { closeBatchSize: 2 });
    shutdown.start(5_000);
    expect(told).toEqual([0, 1]);
    vi.advanceTimersByTime(99);
    expect(told).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([0, 1, 2, 3]);
    vi.advanceTimersByTime(100);
    expect(told).toEqual([0, 1, 2, 3, 4]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([0, 1, 2, 1_000])("%i fit in one batch: all are closed at once, and no timer is left", (count) => {
    const { shutdown, told } = shutdownOf(count, { closeBatchSize: 1_000 });
    shutdown.start(5_000);
    expect(told.length).toBe(count);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("without a limit there is one batch", () => {
    const { shutdown, told } = shutdownOf(100_000, { closeBatchSize: Infinity });
    shutdown.start(5_000);
    expect(told.length).toBe(100_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("later connections and disconnections do not matter: it closes those at its start", () => {
    chance(0);
    const told: number[] = [];
    const everyone = [1, 2, 3];
    const shutdown = new GracefulShutdown({ closeBatchSize: 1 }, everyone, (one) => told.push(one), fail);
    everyone.push(4);
    shutdown.start(1_000);
    everyone.length = 0;
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([1, 2, 3]);
  });
});

test("a connection that throws when it is closed is reported, and does not stop the rest", () => {
  chance(0);
  const [told, failed]: [number[], unknown[]] = [[], []];
  const close = (one: number): void => {
    if (one % 2 === 1) throw new Error(`no close of ${String(one)}`);
    told.push(one);
  };
  const shutdown = new GracefulShutdown({ closeBatchSize: 2 }, [1, 2, 3, 4], close, (one, error) =>
    failed.push([one, (error as Error).message]),
  );
  shutdown.start(1_000);
  vi.advanceTimersByTime(1_000);
  expect([told, failed]).toEqual([
    [2, 4],
    [
      [1, "no close of 1"],
      [3, "no close of 3"],
    ],
  ]);
});

describe("the pauses", () => {
  test.each([
    [0, 50],
    [0.25, 75],
    [0.5, 100],
    [MOST, 150],
  ])("with the random number %d they are %i ms: at most half less or half more than the average", (random, ms) => {
    chance(random);
    const { shutdown, told } = shutdownOf(3, { closeBatchSize: 1 });
    shutdown.start(60_000);
    for (const count of [1, 2]) {
      vi.advanceTimersByTime(ms - 1);
      expect(told.length).toBe(count);
      vi.advanceTimersByTime(1);
      expect(told.length).toBe(count + 1);
    }
  });

  test("each has its own random number", () => {
    chance(0, MOST);
    const { shutdown, told } = shutdownOf(4, { closeBatchSize: 1 });
    shutdown.start(60_000);
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
  test("more connections than fit in half of it are closed in larger batches", () => {
    chance(MOST);
    const { shutdown, told } = shutdownOf(10_000, { closeBatchSize: 10 });
    // 1,000 ms hold six pauses of 150 ms at most.
    shutdown.start(2_000);
    expect(told.length).toBe(Math.ceil(10_000 / 6));
    vi.advanceTimersByTime(1_000);
    expect(told.length).toBe(10_000);
  });

  test("with any number, batches and random numbers all are closed within half of it, each once and in order", () => {
    const settings = fc.record({
      closeBatchSize: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Infinity)),
    });
    const random = fc.oneof(fc.constant(MOST), fc.constant(0), fc.double({ min: 0, max: MOST, noNaN: true }));
    const randoms = fc.array(random, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(3_000), settings, fc.integer({ min: 1, max: 20_000 }), randoms, (count, own, ms, values) => {
        chance(...values);
        const { shutdown, told } = shutdownOf(count, own);
        shutdown.start(ms);
        expect(told.length).toBeGreaterThanOrEqual(Math.min(count, own.closeBatchSize));
        vi.advanceTimersByTime(ms / 2);
        expect(told).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});

describe("stop", () => {
  test("no more connections are closed, and no timer is left", () => {
    const { shutdown, told } = shutdownOf(5, { closeBatchSize: 2 });
    shutdown.start(5_000);
    shutdown.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(5_000);
    expect(told).toEqual([0, 1]);
  });

  test("it does nothing when all are closed; before the start no connection is closed", () => {
    const { shutdown, told } = shutdownOf(2, { closeBatchSize: 2 });
    shutdown.start(5_000);
    shutdown.stop();
    shutdown.stop();
    expect(told).toEqual([0, 1]);
    const other = shutdownOf(2, { closeBatchSize: 2 });
    other.shutdown.stop();
    other.shutdown.start(5_000);
    expect(other.told).toEqual([]);
  });
});

describe("the seconds after which clients are asked to come back", () => {
  /** How many clients get each number of seconds. */
  function spread(count: number, closeBatchSize: number): Map<number, number> {
    const clients = new Map<number, number>();
    const everyone = Array.from({ length: count }, (_, i) => i);
    const close = (_one: number, retryAfter: number): void => {
      clients.set(retryAfter, (clients.get(retryAfter) ?? 0) + 1);
    };
    const shutdown = new GracefulShutdown({ closeBatchSize }, everyone, close, (_one, error) => {
      throw error;
    });
    shutdown.start(60_000);
    vi.advanceTimersByTime(60_000);
    return clients;
  }

  test.each([
    [1, 1_000, 1],
    [7, 1_000, 7],
    [10_000, 1_000, 10],
    [10_001, 1_000, 11],
    [50_000, 1_000, 50],
    [100, Infinity, 10],
  ])("for %i connections and batches of %d go from 1 to %i, each for equally many", (count, closeBatchSize, last) => {
    const clients = spread(count, closeBatchSize);
    expect([...clients.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    const counts = [...clients.values()];
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(closeBatchSize, Math.ceil(count / 10)));
  });
});
