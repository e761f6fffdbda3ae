import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BusyCallbacks, type WatchedCalls } from "../../../src/connection/dispatch/busy-callbacks.ts";
import { Warnings } from "../../../src/util/warnings.ts";

const warn = vi.spyOn(process, "emitWarning");
const texts = (): string[] => warn.mock.calls.map(([text]) => String(text));

/** Ticks of a second. */
const TICK = 1_000;

let now = 0;

beforeEach(() => {
  now = 0;
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

function busy(number: number, waiting = 1, name = "onMessage"): WatchedCalls {
  return { busyCallback: { name, number, waiting } };
}

function rig(): BusyCallbacks {
  return new BusyCallbacks(TICK, "See ws.waitUntil", new Warnings(undefined, () => now));
}

describe("a callback for which calls wait", () => {
  test("is a warning after 30 s, once, with its name and the id of its connection", () => {
    const callbacks = rig();
    const calls = busy(1, 3);
    for (let tick = 0; tick < 30; tick++) callbacks.check(calls, 7, tick);
    expect(texts()).toEqual([]);
    for (let tick = 30; tick < 300; tick++) callbacks.check(calls, 7, tick);
    expect(texts()).toEqual([
      expect.stringMatching(
        /^onMessage of connection 7 has not settled for 30 s, and 3 calls wait for it\. See ws\.waitUntil/,
      ),
    ]);
    expect(warn.mock.calls[0]![1]).toMatchObject({ type: "HawserWarning", code: "HWS_CALLBACK_BUSY" });
  });

  test("of a client has no id", () => {
    const callbacks = rig();
    const calls = busy(1);
    for (let tick = 0; tick <= 30; tick++) callbacks.check(calls, undefined, tick);
    expect(texts()).toEqual([expect.stringMatching(/^onMessage of a client has not settled/)]);
  });

  test("is none when it has settled meanwhile, though the next one is busy", () => {
    const callbacks = rig();
    let number = 0;
    const calls: WatchedCalls = {
      get busyCallback() {
        return { name: "onMessage", number: Math.floor(number++ / 20), waiting: 1 };
      },
    };
    for (let tick = 0; tick < 200; tick++) callbacks.check(calls, 7, tick);
    expect(texts()).toEqual([]);
  });

  test("is none while nothing waits for it", () => {
    const callbacks = rig();
    for (let tick = 0; tick < 200; tick++) callbacks.check({ busyCallback: undefined }, 7, tick);
    expect(texts()).toEqual([]);
  });

  test("is at most one warning a minute for all connections, with the number of the others", () => {
    const callbacks = rig();
    const all = Array.from({ length: 10 }, (_, i) => busy(1, 1, i === 0 ? "onOpen" : "onMessage"));
    for (let tick = 0; tick < 59; tick++) all.forEach((calls, i) => callbacks.check(calls, i, tick));
    expect(texts()).toEqual([expect.stringMatching(/^onOpen of connection 0 .* and 1 call waits for it/)]);
    now = 60_000;
    const late = busy(2);
    for (let tick = 60; tick < 120; tick++) callbacks.check(late, 11, tick);
    expect(texts()[1]).toMatch(/^onMessage of connection 11 .*\(and 9 more since the last warning\)$/);
  });
});
