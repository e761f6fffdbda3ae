import { afterEach, expect, test, vi } from "vitest";
import type { WebSocketConnection } from "hawser";
import { HawserError } from "../../src/errors/errors.ts";
import { BackplaneErrors } from "../../src/server/backplane-errors.ts";

afterEach(() => void vi.useRealTimers());

test("of each stage one failure a minute is told, and all are counted", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const dispatchError = vi.fn();
  const errors = new BackplaneErrors({ isTerminated: false, dispatchError });
  errors.report("read", 1);
  errors.report("read", 2);
  const ws = {} as unknown as WebSocketConnection;
  errors.report("publish", 3, ws);
  vi.advanceTimersByTime(60_000);
  errors.report("read", 4);
  expect(dispatchError.mock.calls).toEqual([
    [1, "library", true, undefined],
    [3, "library", true, ws],
    [4, "library", true, undefined],
  ]);
  expect(errors.counters).toMatchObject({ read: 3, publish: 1, connect: 0 });
});

test("one kind of failure does not hide another one of the same stage", () => {
  const dispatchError = vi.fn();
  const errors = new BackplaneErrors({ isTerminated: false, dispatchError });
  const [away, uncertain] = [new HawserError("HWS_BACKPLANE_AWAY"), new HawserError("HWS_PUBLISH_UNCERTAIN")];
  for (const error of [away, uncertain, away, uncertain, new Error("other")]) errors.report("publish", error);
  expect(dispatchError.mock.calls.map(([error]) => (error as Error).message)).toEqual([
    away.message,
    uncertain.message,
    "other",
  ]);
});

test("after the end of the server failures are counted only", () => {
  const reporter = { isTerminated: false, dispatchError: vi.fn() };
  const errors = new BackplaneErrors(reporter);
  reporter.isTerminated = true;
  errors.report("presence", new HawserError("HWS_BACKPLANE_AWAY"));
  expect([errors.counters.presence, reporter.dispatchError.mock.calls]).toEqual([1, []]);
});
