import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Pace, type PaceHost, isRateLimited } from "../../../src/connection/receiving/pace.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire } from "../../support/wire.ts";

interface Host extends PaceHost {
  busy: boolean;
  waiting: number;
  wantsMore: boolean;
}

/** A pace on a stream that is being read, with a host that the test plays. */
function rig(rates: { maxMessagesPerSecond?: number; maxBytesPerSecond?: number } = {}) {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const host: Host = {
    busy: true,
    waiting: 0,
    wantsMore: true,
    resumed: () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`),
  };
  const pace = new Pace(stream, connectionSettings(rates), host);
  return { stream, host, pace, told, read: () => [pace.paused, stream.isPaused()] };
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

  test("is charged for its messages and its bytes", () => {
    const { pace } = rig({ maxMessagesPerSecond: 2, maxBytesPerSecond: 100 });
    pace.message();
    pace.message();
    expect(pace.charge(100)).toBeUndefined();
    pace.message();
    expect(pace.charge(0)).toEqual({ limit: "maxMessagesPerSecond", wait: 500 });
    vi.advanceTimersByTime(500);
    expect(pace.charge(70)).toEqual({ limit: "maxBytesPerSecond", wait: 200 });
  });

  test("is not read for as long as is said, and then again by itself", () => {
    const { pace, host, read, told } = rig({ maxMessagesPerSecond: 2 });
    host.busy = false;
    pace.wait(500);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(499);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(1);
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
  });

  test("is not read before its time, though the handler has settled", () => {
    const { pace, host, read } = rig({ maxMessagesPerSecond: 2 });
    pace.wait(500);
    host.busy = false;
    pace.settled();
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(READ);
  });

  test("is not read while the handler is busy, though its time is over", () => {
    const { pace, host, read } = rig({ maxMessagesPerSecond: 2 });
    pace.wait(500);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(PAUSED);
    host.busy = false;
    pace.settled();
    expect(read()).toEqual(READ);
  });

  test("is read at once when only the end is wanted any more", () => {
    const { pace, host, read } = rig({ maxMessagesPerSecond: 2 });
    pace.wait(500);
    host.wantsMore = false;
    pace.settled();
    expect(read()).toEqual(READ);
  });

  test("leaves no timer when the stream is gone", () => {
    const { pace, read } = rig({ maxBytesPerSecond: 2 });
    pace.wait(500);
    expect(vi.getTimerCount()).toBe(1);
    pace.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(read()).toEqual(PAUSED);
  });

  test("is charged nothing where no rate is limited", () => {
    const { pace } = rig();
    for (let i = 0; i < 10_000; i++) pace.message();
    expect(pace.charge(1e12)).toBeUndefined();
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
