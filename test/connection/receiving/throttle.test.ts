import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Throttle } from "../../../src/connection/receiving/throttle.ts";

function throttle({ maxMessagesPerSecond = Infinity, maxBytesPerSecond = Infinity } = {}): Throttle {
  return new Throttle({ maxMessagesPerSecond, maxBytesPerSecond }, 0);
}

function messages(to: Throttle, count: number): void {
  for (let i = 0; i < count; i++) to.message();
}

describe("a throttle", () => {
  test("finds nothing to be too much where nothing is limited", () => {
    const all = throttle();
    messages(all, 1000);
    expect(all.charge(1e12, 0)).toBeUndefined();
  });

  test("lets pass one second's worth of both", () => {
    const both = throttle({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 });
    messages(both, 10);
    expect(both.charge(1000, 0)).toBeUndefined();
  });

  test("says for how long there were too many messages", () => {
    const limited = throttle({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 });
    messages(limited, 12);
    expect(limited.charge(1000, 0)).toEqual({ limit: "maxMessagesPerSecond", wait: 200 });
  });

  test("says for how long there were too many bytes", () => {
    const limited = throttle({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 });
    messages(limited, 10);
    expect(limited.charge(1300, 0)).toEqual({ limit: "maxBytesPerSecond", wait: 300 });
  });

  test.each([
    [12, 1100, { limit: "maxMessagesPerSecond", wait: 200 }],
    [11, 1200, { limit: "maxBytesPerSecond", wait: 200 }],
    [11, 1100, { limit: "maxMessagesPerSecond", wait: 100 }],
  ])("names, of %d messages and %d bytes, what has to wait longer", (count, bytes, excess) => {
    const limited = throttle({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 });
    messages(limited, count);
    expect(limited.charge(bytes, 0)).toEqual(excess);
  });

  test("charges each message once", () => {
    const limited = throttle({ maxMessagesPerSecond: 10 });
    messages(limited, 10);
    expect(limited.charge(0, 0)).toBeUndefined();
    expect(limited.charge(0, 0)).toBeUndefined();
    limited.message();
    expect(limited.charge(0, 0)).toEqual({ limit: "maxMessagesPerSecond", wait: 100 });
  });

  test("lets pass again what the time between has brought", () => {
    const limited = throttle({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 });
    messages(limited, 10);
    limited.charge(1200, 0);
    expect(limited.charge(0, 199)).toEqual({ limit: "maxBytesPerSecond", wait: 1 });
    expect(limited.charge(0, 200)).toBeUndefined();
    messages(limited, 3);
    expect(limited.charge(0, 200)).toEqual({ limit: "maxMessagesPerSecond", wait: 100 });
  });
});

describe("who has to wait", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("is told when the time is over, and waits no more then", () => {
    const waiting = throttle();
    const told: boolean[] = [];
    expect(waiting.waiting).toBe(false);
    waiting.wait(100, () => told.push(waiting.waiting));
    expect(waiting.waiting).toBe(true);
    vi.advanceTimersByTime(99);
    expect([told, waiting.waiting]).toEqual([[], true]);
    vi.advanceTimersByTime(1);
    expect([told, waiting.waiting]).toEqual([[false], false]);
  });

  test("waits anew when that is said again: one timer, and the last who asked is told", () => {
    const waiting = throttle();
    const told: string[] = [];
    waiting.wait(100, () => told.push("first"));
    vi.advanceTimersByTime(99);
    waiting.wait(100, () => told.push("second"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(99);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["second"]);
  });

  test("is told nothing when it is stopped, and leaves no timer", () => {
    const waiting = throttle();
    const told: string[] = [];
    waiting.wait(100, () => told.push("over"));
    waiting.stop();
    expect([waiting.waiting, vi.getTimerCount()]).toEqual([false, 0]);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
    waiting.stop();
    expect(waiting.waiting).toBe(false);
  });
});
