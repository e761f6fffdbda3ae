import { expect, test, vi } from "vitest";
import { watchPage } from "../../../src/client/browser/page-events.ts";
import { page as globals } from "../../../src/client/browser/platform-types.ts";
import { FakeTarget, usePage } from "../../support/browser-page.ts";

/** A page that is watched, and what was told. */
function rig() {
  const page = usePage();
  const calls: string[] = [];
  const stop = watchPage(globals, {
    onWake: () => void calls.push("wake"),
    onOffline: () => void calls.push("offline"),
  });
  return { ...page, calls, stop };
}

const happenings: readonly (readonly [string, (page: ReturnType<typeof rig>) => void, number])[] = [
  ["the network is back", ({ window }) => window.emit("online"), 1],
  ["the page is shown", ({ document }) => document.emit("visibilitychange"), 1],
  ["a frozen page goes on", ({ document }) => document.emit("resume"), 1],
  ["the page is restored from the cache", ({ window }) => window.emit("pageshow", { persisted: true }), 1],
  ["the page is loaded", ({ window }) => window.emit("pageshow", { persisted: false }), 0],
  [
    "the page is hidden",
    ({ document }) => {
      document.visibilityState = "hidden";
      document.emit("visibilitychange");
    },
    0,
  ],
];

test.each(happenings)("when %s the listener is woken or not", (_what, happen, times) => {
  const watched = rig();
  happen(watched);
  expect(watched.calls).toHaveLength(times);
  watched.stop();
});

test("the network is away when it still is after 5 s", () => {
  const { window, navigator, calls, stop } = rig();
  navigator.onLine = false;
  window.emit("offline");
  vi.advanceTimersByTime(4_999);
  expect(calls).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(calls).toEqual(["offline"]);
  vi.advanceTimersByTime(60_000);
  expect(calls).toEqual(["offline"]);
  stop();
});

test("a network that comes back within 5 s was not away", () => {
  const { window, navigator, calls, stop } = rig();
  navigator.onLine = false;
  window.emit("offline");
  vi.advanceTimersByTime(3_000);
  navigator.onLine = true;
  vi.advanceTimersByTime(10_000);
  expect(calls).toEqual([]);
  stop();
});

test("after the end nothing is listened to, and no timer is left", () => {
  const { window, document, navigator, calls, stop } = rig();
  expect([window.listenerCount, document.listenerCount]).toEqual([3, 2]);
  navigator.onLine = false;
  window.emit("offline");
  stop();
  expect([window.listenerCount, document.listenerCount]).toEqual([0, 0]);
  vi.runAllTimers();
  expect(calls).toEqual([]);
});

test("a worker, which has no document, is told of the network", () => {
  usePage();
  const worker = new FakeTarget();
  const calls: string[] = [];
  const stop = watchPage(Object.assign(worker, { WebSocket: globals.WebSocket }), {
    onWake: () => void calls.push("wake"),
    onOffline: () => void calls.push("offline"),
  });
  expect(worker.listenerCount).toBe(2);
  worker.emit("online");
  expect(calls).toEqual(["wake"]);
  stop();
  expect(worker.listenerCount).toBe(0);
});
