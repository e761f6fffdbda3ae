import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ReadFlow, type ReadFlowHost, isRateLimited } from "../../../src/connection/receiving/read-flow.ts";
import type { ReceivingSettings } from "../../../src/connection/receiving/settings.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire } from "../../support/wire.ts";

interface Host extends ReadFlowHost {
  busy: boolean;
  queuedCount: number;
  expectsMessages: boolean;
}

/** A pace on a stream that is being read, with a host that the test plays. */
function rig(
  rates: Partial<Pick<ReceivingSettings, "maxMessagesPerSecond" | "maxBytesPerSecond" | "ratePolicy">> = {},
) {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const host: Host = {
    busy: true,
    queuedCount: 0,
    expectsMessages: true,
    onReadingResumed: () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`),
  };
  const settings = connectionSettings(rates);
  const pace = new ReadFlow(stream, settings, host);
  return {
    limitCounters: settings.limitCounters,
    stream,
    host,
    pace,
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
    const { pace } = rig({ maxMessagesPerSecond: 2 });
    expect([pace.rateDelay(), pace.rateDelay()]).toEqual([undefined, undefined]);
    expect(pace.admitMessage()).toBe(true);
    const rest = pace.rateDelay();
    vi.advanceTimersByTime(500);
    await rest;
    expect(pace.rateDelay()).toBeUndefined();
    pace.stop();
  });

  test("is not read for as long as is said, and then again by itself", () => {
    const { pace, host, read, told } = rig({ maxBytesPerSecond: 2 });
    host.busy = false;
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
    host.busy = false;
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
    host.busy = false;
    pace.onHandlerIdle();
    expect(read()).toEqual(READ);
  });

  test("is read at once when only the end is wanted any more", () => {
    const { pace, host, read } = rig({ maxBytesPerSecond: 2 });
    pace.admitBytes(3);
    host.expectsMessages = false;
    pace.onHandlerIdle();
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
    const { pace } = rig();
    for (let i = 0; i < 1000; i++) expect([pace.admitMessage(), pace.rateDelay()]).toEqual([true, undefined]);
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
    expect(isRateLimited(connectionSettings(rates))).toBe(limited);
  });
});
