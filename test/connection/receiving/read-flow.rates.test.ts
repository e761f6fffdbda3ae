import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Liveness } from "../../../src/connection/keepalive/liveness.ts";
import { RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";
import { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import type { ReceivingSettings } from "../../../src/connection/receiving/settings.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire } from "../../support/wire.ts";

/** A read flow on a stream that is being read. The test is its host. */
function rig(
  rates: Partial<Pick<ReceivingSettings, "maxMessagesPerSecond" | "maxBytesPerSecond" | "ratePolicy">> = {},
) {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const messages = { isBusy: true, queuedCount: 0, queuedBytes: 0, decodingBytes: 0 };
  const liveness = new Liveness(connectionSettings().keepalive, { currentTick: 0 });
  liveness.noteActivity = () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`);
  const settings = connectionSettings(rates);
  const limiter = RateLimiter.for(settings);
  const flow = new ReadFlow({ stream, messages, liveness }, settings, limiter);
  return {
    limitCounters: settings.limitCounters,
    stream,
    messages,
    flow,
    rateDelay: () => limiter?.messageDelay(performance.now()),
    told,
    read: () => [flow.paused, stream.isPaused()],
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

  test("is detected by its messages and by its bytes", () => {
    const { flow, limitCounters, read } = rig({ maxMessagesPerSecond: 2, maxBytesPerSecond: 100, ratePolicy: "close" });
    expect([flow.countMessage(), flow.countMessage(), flow.countBytes(100)]).toEqual([true, true, true]);
    expect([flow.countMessage(), flow.countBytes(1)]).toEqual([false, false]);
    expect(read()).toEqual(READ);
    // The code that closes the connection counts it.
    expect([limitCounters.maxMessagesPerSecond, limitCounters.maxBytesPerSecond]).toEqual([0, 0]);
  });

  test("has its messages delayed, if the connection is not closed", async () => {
    const { flow, rateDelay } = rig({ maxMessagesPerSecond: 2 });
    expect([rateDelay(), rateDelay()]).toEqual([undefined, undefined]);
    expect(flow.countMessage()).toBe(true);
    const rest = rateDelay();
    vi.advanceTimersByTime(500);
    await rest;
    expect(rateDelay()).toBeUndefined();
    flow.stop();
  });

  test("is not read for the given time, and then read again", () => {
    const { flow, messages, read, told } = rig({ maxBytesPerSecond: 2 });
    messages.isBusy = false;
    expect(flow.countBytes(3)).toBe(true);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(499);
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(1);
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
  });

  test("is not read before its time, though the handler has settled", () => {
    const { flow, messages, read } = rig({ maxBytesPerSecond: 2 });
    flow.countBytes(3);
    messages.isBusy = false;
    flow.onHandlerIdle();
    expect(read()).toEqual(PAUSED);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(READ);
  });

  test("is not read while enough waits for a busy handler, though its time is over", () => {
    const { flow, messages, read } = rig({ maxBytesPerSecond: 2 });
    flow.countBytes(3);
    messages.queuedCount = 2000;
    flow.noteReadAhead(0);
    vi.advanceTimersByTime(500);
    expect(read()).toEqual(PAUSED);
    messages.isBusy = false;
    flow.onHandlerIdle();
    expect(read()).toEqual(READ);
  });

  test("is read at once when only the end of the stream is needed", () => {
    const { flow, read } = rig({ maxBytesPerSecond: 2 });
    flow.countBytes(3);
    flow.release();
    expect(read()).toEqual(READ);
  });

  test("leaves no timer when the stream is closed", () => {
    const { flow, read } = rig({ maxBytesPerSecond: 2 });
    flow.countBytes(3);
    expect(vi.getTimerCount()).toBe(1);
    flow.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(read()).toEqual(PAUSED);
  });

  test("is charged nothing when no rate is limited", () => {
    const { flow, rateDelay } = rig();
    for (let i = 0; i < 1000; i++) expect([flow.countMessage(), rateDelay()]).toEqual([true, undefined]);
    expect(flow.countBytes(1e12)).toBe(true);
    flow.stop();
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
