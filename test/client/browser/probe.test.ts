import { expect, test, vi } from "vitest";
import { Probe } from "../../../src/client/browser/probe.ts";
import { usePage } from "../../support/browser-page.ts";

/** A probe with the times of the defaults, and what it does. */
function rig() {
  usePage();
  const calls: string[] = [];
  const settings = { request: "ping", response: "pong", every: 25_000, timeout: 5_000 };
  const probe = new Probe(settings, {
    sendProbe: () => void calls.push("request"),
    onSilent: () => void calls.push("silent"),
  });
  return { probe, calls };
}

test("the request goes out after a time of silence, and only then", () => {
  const { probe, calls } = rig();
  vi.advanceTimersByTime(24_999);
  probe.noteReceived();
  vi.advanceTimersByTime(24_999);
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(calls).toEqual(["request"]);
  probe.stop();
});

test("any message within the timeout is life, and the next request is a time of silence away", () => {
  const { probe, calls } = rig();
  vi.advanceTimersByTime(25_000 + 4_999);
  probe.noteReceived();
  vi.advanceTimersByTime(24_999);
  expect(calls).toEqual(["request"]);
  probe.stop();
});

test("nothing within the timeout is the end, which is told once", () => {
  const { calls, probe } = rig();
  vi.advanceTimersByTime(25_000 + 5_000);
  expect(calls).toEqual(["request", "silent"]);
  vi.advanceTimersByTime(100_000);
  expect(calls).toEqual(["request", "silent"]);
  probe.stop();
});

test("a timer that comes late gives no verdict: the server gets its time again", () => {
  const { probe, calls } = rig();
  vi.advanceTimersByTime(25_000);
  // The page was frozen for an hour, and its timer fires with the first turn.
  const now = performance.now();
  const spy = vi.spyOn(performance, "now").mockImplementation(() => now + 3_600_000);
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual(["request"]);
  spy.mockRestore();
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual(["request", "silent"]);
  probe.stop();
});

test("while a request is unanswered no other goes out, and its time does not begin anew", () => {
  const { probe, calls } = rig();
  probe.send();
  vi.advanceTimersByTime(3_000);
  probe.send();
  vi.advanceTimersByTime(2_000);
  expect(calls).toEqual(["request", "silent"]);
  probe.stop();
});

test("a round trip is measured for all who ask, by one request", async () => {
  const { probe, calls } = rig();
  const both = Promise.all([probe.measure(), probe.measure()]);
  vi.advanceTimersByTime(120);
  probe.noteReceived();
  expect(await both).toEqual([120, 120]);
  expect(calls).toEqual(["request"]);
  probe.stop();
});

test("who measures when the connection ends gets undefined, and no timer is left", async () => {
  const { probe } = rig();
  const measured = probe.measure();
  probe.stop();
  expect(await measured).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

test("only the text of the answer is an answer", () => {
  const { probe } = rig();
  expect([probe.isAnswer("pong"), probe.isAnswer("pong "), probe.isAnswer(new ArrayBuffer(4))]).toEqual([
    true,
    false,
    false,
  ]);
  probe.stop();
});
