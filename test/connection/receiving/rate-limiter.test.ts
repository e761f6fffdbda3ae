import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type ConnectionLimitCounters,
  connectionLimitNames,
  zeroCounters,
} from "../../../src/connection/counters/limit-counters.ts";
import { type RateLimits, RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";

function limiter(rates: Partial<RateLimits> = {}): RateLimiter & { limitCounters: ConnectionLimitCounters } {
  const limitCounters = zeroCounters(connectionLimitNames);
  const usual = { maxMessagesPerSecond: Infinity, maxBytesPerSecond: Infinity, ratePolicy: "pause" } as const;
  return Object.assign(new RateLimiter({ ...usual, limitCounters, ...rates }, 0), { limitCounters });
}

describe("a rate limiter", () => {
  test("allows everything when nothing is limited", async () => {
    for (const ratePolicy of ["pause", "close"] as const) {
      const all = limiter({ ratePolicy });
      for (let i = 0; i < 1000; i++) expect([all.countMessage(0), all.messageDelay(0)]).toEqual([true, undefined]);
      expect(all.takeBytes(1e12, 0)).toBe(0);
    }
  });

  test('under "close" allows the messages of one second, and not one more', () => {
    const limited = limiter({ maxMessagesPerSecond: 10, ratePolicy: "close" });
    for (let i = 0; i < 10; i++) expect(limited.countMessage(0)).toBe(true);
    expect(limited.countMessage(0)).toBe(false);
    expect(limited.messageDelay(0)).toBeUndefined();
  });

  test('under "pause" allows the messages of one second, then each one at its time', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const limited = limiter({ maxMessagesPerSecond: 10 });
    for (let i = 0; i < 10; i++) expect([limited.countMessage(0), limited.messageDelay(0)]).toEqual([true, undefined]);
    expect(limited.countMessage(0)).toBe(true);
    let over = false;
    void limited.messageDelay(0)?.then(() => (over = true));
    await vi.advanceTimersByTimeAsync(99);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toBe(true);
    expect(limited.messageDelay(100)).toBeUndefined();
    expect(limited.limitCounters.maxMessagesPerSecond).toBe(1);
    limited.stop();
  });

  test("allows everything when the peer is disconnected, without delay", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const limited = limiter({ maxMessagesPerSecond: 1 });
    expect(limited.messageDelay(0)).toBeUndefined();
    const rest = limited.messageDelay(0);
    limited.stop();
    await rest;
    expect([limited.messageDelay(0), vi.getTimerCount()]).toEqual([undefined, 0]);
  });

  test("returns the delay for too many bytes, under each policy", () => {
    for (const ratePolicy of ["pause", "close"] as const) {
      const limited = limiter({ maxBytesPerSecond: 1000, ratePolicy });
      expect(limited.takeBytes(1000, 0)).toBe(0);
      expect(limited.takeBytes(300, 0)).toBe(300);
      expect(limited.takeBytes(0, 299)).toBe(1);
      expect(limited.takeBytes(0, 300)).toBe(0);
    }
  });
});

describe("a delayed reader", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("is called when the time is over, and does not wait any more", () => {
    const waiting = limiter();
    const told: boolean[] = [];
    expect(waiting.isDelaying).toBe(false);
    waiting.delayReading(100, "maxBytesPerSecond", () => told.push(waiting.isDelaying));
    expect(waiting.isDelaying).toBe(true);
    vi.advanceTimersByTime(99);
    expect([told, waiting.isDelaying]).toEqual([[], true]);
    vi.advanceTimersByTime(1);
    expect([told, waiting.isDelaying]).toEqual([[false], false]);
  });

  test("starts again on a second call: there is one timer, and the last callback is called", () => {
    const waiting = limiter();
    const told: string[] = [];
    waiting.delayReading(100, "maxBytesPerSecond", () => told.push("first"));
    vi.advanceTimersByTime(99);
    waiting.delayReading(100, "maxBytesPerSecond", () => told.push("second"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(99);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["second"]);
  });

  test("is not called after a stop, and leaves no timer", () => {
    const waiting = limiter();
    const told: string[] = [];
    waiting.delayReading(100, "maxBytesPerSecond", () => told.push("over"));
    waiting.stop();
    expect([waiting.isDelaying, vi.getTimerCount()]).toEqual([false, 0]);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
    waiting.stop();
    expect(waiting.isDelaying).toBe(false);
  });
});
