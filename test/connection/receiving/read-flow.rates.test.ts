import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Liveness } from "../../../src/connection/keepalive/liveness.ts";
import { RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";
import { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import type { ReceivingSettings } from "../../../src/connection/receiving/settings.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire } from "../../support/wire.ts";

/** A pace on a stream that is being read, with a host that the test plays. */
function rig(
  rates: Partial<Pick<ReceivingSettings, "maxMessagesPerSecond" | "maxBytesPerSecond" | "ratePolicy">> = {},
) {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const host = { isBusy: true, queuedCount: 0 };
  const liveness = new Liveness(connectionSettings().life, { now: 0 });
  liveness.noteProgress = () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`);
  const settings = connectionSettings(rates);
  const limiter = RateLimiter.for(settings);
  const pace = new ReadFlow(stream, host, liveness, limiter);
  return {
    limitCounters: settings.limitCounters,
    stream,
    host,
    pace,
    rateDelay: () => limiter?.messageDelay(performance.now()),
    told,
    read: () => [pace.paused, stream.isPaused()],
  };
}

const READ = [false, false];
const PAUSED = [true, true];

describe("a peer that sends more than it may", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  test("is told from one that does not, by its messages and by its bytes", () => {
    const { pace, limitCounters, read } = rig({ maxMessagesPerSecond: 2, maxBytesPerSecond: 100, ratePolicy: "close" });
    expect([pace.admitMessage(), pace.admitMessage(), pace.admitBytes(100)]).toEqual([true, true, true]);
    expect([pace.admitMessage(), pace.admitBytes(1)]).toEqual([false, false]);
    expect(read()).toEqual(READ);
    // Whoever gives it up counts that.
    expect([limitCounters.maxMessagesPerSecond, limitCounters.maxBytesPerSecond]).toEqual([0, 0]);
  });

  test("has its messages wait for their time, where it is not given up", async () => {
    const { pace, rateDelay } = rig({ maxMessagesPerSecond: 2 });
    expect([rateDelay(), rateDelay()]).toEqual([undefined, undefined]);
    expect(pace.admitMessage()).toBe(true);
    const rest = rateDelay();
    vi.advanceTimersByTime(500);
    await rest;
    expect(rateDelay()).toBeUndefined();
    pace.stop();
  });

  test("is not read for as long as is said, and then again by itself", () => {
    const { pace, host, read, told } = rig({ maxBytesPerSecond: 2 });
    host.isBusy = false;
    expect(pace.admitBytes(3)).toBe(true);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(499);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(1);
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
  });

  test("is not read before its time, though the handler has settled", () => {
    const { pace, host, read } = rig({ maxBytesPerSecond: 2 });
    pace.admitBytes(3);
    host.isBusy = false;
    pace.onHandlerIdle();
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(READ);
  });

  test("is not read while the handler is busy, though its time is over", () => {
    const { pace, host, read } = rig({ maxBytesPerSecond: 2 });
    pace.admitBytes(3);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(PAUSED);
    host.isBusy = false;
    pace.onHandlerIdle();
    expect(read()).toEqual(READ);
  });

  test("is read at once when only the end is wanted any more", () => {
    const { pace, read } = rig({ maxBytesPerSecond: 2 });
    pace.admitBytes(3);
    pace.release();
    expect(read()).toEqual(READ);
  });

  test("leaves no timer when the stream is gone", () => {
    const { pace, read } = rig({ maxBytesPerSecond: 2 });
    pace.admitBytes(3);
    expect(vi.getTimerCount()).toBe(1);
    pace.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(read()).toEqual(PAUSED);
  });

  test("is charged nothing where no rate is limited", () => {
    const { pace, rateDelay } = rig();
    for (let i = 0; i < 1000; i++) expect([pace.admitMessage(), rateDelay()]).toEqual([true, undefined]);
    expect(pace.admitBytes(1e12)).toBe(true);
    pace.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a rate is limited", () => {
  test.each([
    [{}, false],
    [{ maxMessagesPerSecond: 1 }, true],
    [{ maxBytesPerSecond: 1 }, true],
    [{ maxMessagesPerSecond: 1, maxBytesPerSecond: 1 }, true],
    [{ maxMessagesPerSecond: Infinity, maxBytesPerSecond: Infinity }, false],
  ])("by the settings %j: %s", (rates, limited) => {
    expect(RateLimiter.for(connectionSettings(rates)) !== undefined).toBe(limited);
  });
});
