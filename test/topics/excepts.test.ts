import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Excepts } from "../../src/topics/excepts.ts";
import { newHistoryCounters } from "../../src/topics/history-counters.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

function rig(max?: number) {
  const counters = newHistoryCounters();
  return { counters, excepts: new Excepts<string>(counters, max) };
}

test("who is excepted is told once", () => {
  const { excepts } = rig();
  const ann = new Set(["ann"]);
  excepts.add("1", ann);
  expect([excepts.take("1"), excepts.take("1"), excepts.take("2"), excepts.size]).toEqual([
    ann,
    undefined,
    undefined,
    0,
  ]);
});

test("a message is remembered while it is published, and for 60 s after that", () => {
  const { excepts } = rig();
  excepts.add("slow", new Set(["ann"]));
  vi.advanceTimersByTime(3_600_000);
  excepts.add("stored", new Set(["bob"]));
  excepts.keep("stored");
  excepts.keep("never");
  excepts.keep("slow");
  vi.advanceTimersByTime(59_999);
  excepts.expire();
  expect(excepts.size).toBe(2);
  vi.advanceTimersByTime(1);
  excepts.expire();
  expect([excepts.size, excepts.take("slow")]).toEqual([0, undefined]);
});

test("of too many the oldest is forgotten, and counted; those whose time is over make place", () => {
  const { counters, excepts } = rig(2);
  for (const id of ["1", "2", "3"]) excepts.add(id, new Set(["ann"]));
  expect([excepts.take("1"), excepts.size, counters.exceptsForgotten]).toEqual([undefined, 2, 1]);
  excepts.keep("2");
  excepts.keep("3");
  vi.advanceTimersByTime(60_000);
  excepts.add("4", new Set(["ann"]));
  expect([excepts.size, counters.exceptsForgotten]).toEqual([1, 1]);
  excepts.clear();
  expect(excepts.size).toBe(0);
});
