import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type ConnectionLimitCounters,
  connectionLimitNames,
  zeroCounters,
} from "../../../src/connection/counters/limit-counters.ts";
import { type RateLimits, RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";

function throttle(rates: Partial<RateLimits> = {}): RateLimiter & { limitCounters: ConnectionLimitCounters } {
  const limitCounters = zeroCounters(connectionLimitNames);
  const usual = { maxMessagesPerSecond: Infinity, maxBytesPerSecond: Infinity, ratePolicy: "pause" } as const;
  return Object.assign(new RateLimiter({ ...usual, limitCounters, ...rates }, 0), { limitCounters });
}

describe("a throttle", () => {
  test("finds nothing to be too much where nothing is limited", async () => {
    for (const ratePolicy of ["pause", "close"] as const) {
      const all = throttle({ ratePolicy });
      for (let i = 0; i < 1000; i++) expect([all.admitMessage(0), all.messageDelay(0)]).toEqual([true, undefined]);
      expect(all.takeBytes(1e12, 0)).toBe(0);
    }
  });

  test('under "close" lets one second\'s worth of messages pass, and not one more', () => {
    const limited = throttle({ maxMessagesPerSecond: 10, ratePolicy: "close" });
    for (let i = 0; i < 10; i++) expect(limited.admitMessage(0)).toBe(true);
    expect(limited.admitMessage(0)).toBe(false);
    expect(limited.messageDelay(0)).toBeUndefined();
  });

  test('under "pause" lets one second\'s worth of messages pass, then one whenever its time has come', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const limited = throttle({ maxMessagesPerSecond: 10 });
    for (let i = 0; i < 10; i++) expect([limited.admitMessage(0), limited.messageDelay(0)]).toEqual([true, undefined]);
    expect(limited.admitMessage(0)).toBe(true);
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

  test("lets everything pass when the peer is gone, and waits for nothing", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const limited = throttle({ maxMessagesPerSecond: 1 });
    expect(limited.messageDelay(0)).toBeUndefined();
    const rest = limited.messageDelay(0);
    limited.stop();
    await rest;
    expect([limited.messageDelay(0), vi.getTimerCount()]).toEqual([undefined, 0]);
  });

  test("says for how long there were too many bytes, whatever the policy", () => {
    for (const ratePolicy of ["pause", "close"] as const) {
      const limited = throttle({ maxBytesPerSecond: 1000, ratePolicy });
      expect(limited.takeBytes(1000, 0)).toBe(0);
      expect(limited.takeBytes(300, 0)).toBe(300);
      expect(limited.takeBytes(0, 299)).toBe(1);
      expect(limited.takeBytes(0, 300)).toBe(0);
    }
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
    expect(waiting.isDelaying).toBe(false);
    waiting.delayReading(100, () => told.push(waiting.isDelaying));
    expect(waiting.isDelaying).toBe(true);
    vi.advanceTimersByTime(99);
    expect([told, waiting.isDelaying]).toEqual([[], true]);
    vi.advanceTimersByTime(1);
    expect([told, waiting.isDelaying]).toEqual([[false], false]);
  });

  test("waits anew when that is said again: one timer, and the last who asked is told", () => {
    const waiting = throttle();
    const told: string[] = [];
    waiting.delayReading(100, () => told.push("first"));
    vi.advanceTimersByTime(99);
    waiting.delayReading(100, () => told.push("second"));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(99);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["second"]);
  });

  test("is told nothing when it is stopped, and leaves no timer", () => {
    const waiting = throttle();
    const told: string[] = [];
    waiting.delayReading(100, () => told.push("over"));
    waiting.stop();
    expect([waiting.isDelaying, vi.getTimerCount()]).toEqual([false, 0]);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
    waiting.stop();
    expect(waiting.isDelaying).toBe(false);
  });
});
