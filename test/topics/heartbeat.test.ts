import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Beat } from "../../src/backplane/contract.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { Heartbeat } from "../../src/topics/heartbeat.ts";
import { turns } from "../support/wire.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

const BEAT: Beat = { alive: [], expired: [], wasExpired: false };

function rig() {
  const driver = { beat: vi.fn(() => Promise.resolve(BEAT)), reap: vi.fn(() => Promise.resolve()) };
  const listener = { onBeat: vi.fn(), onFailed: vi.fn() };
  return { driver, listener, heartbeat: new Heartbeat(driver, listener) };
}

test("every 3 s, until it is stopped", async () => {
  const { driver, listener, heartbeat } = rig();
  heartbeat.start();
  heartbeat.start();
  await vi.advanceTimersByTimeAsync(9_000);
  expect([driver.beat.mock.calls.length, listener.onBeat.mock.calls]).toEqual([3, [[false], [false], [false]]]);
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test("a server is removed when its lease had run out at two heartbeats in a row", async () => {
  const { driver, listener, heartbeat } = rig();
  driver.reap.mockRejectedValueOnce(new Error("no"));
  const expired = async (...nodes: string[]) => {
    driver.beat.mockResolvedValueOnce({ ...BEAT, expired: nodes });
    await heartbeat.beat();
  };
  await expired("a");
  await expired("b");
  await expired("b", "a");
  expect(driver.reap.mock.calls).toEqual([["b"]]);
  await vi.waitFor(() => expect(listener.onFailed).toHaveBeenCalledWith("presence", new Error("no")));
});

test("one that is not answered does not pile up, and its failure is the driver's to tell", async () => {
  const { driver, listener, heartbeat } = rig();
  let fail: (error: Error) => void = () => undefined;
  driver.beat.mockReturnValueOnce(new Promise((_resolve, reject) => (fail = reject)));
  const first = heartbeat.beat();
  await heartbeat.beat();
  expect(driver.beat).toHaveBeenCalledTimes(1);
  fail(new HawserError("HWS_BACKPLANE_AWAY"));
  await first;
  await heartbeat.beat();
  expect([driver.beat.mock.calls.length, listener.onBeat.mock.calls.length]).toEqual([2, 1]);
  expect(listener.onFailed).not.toHaveBeenCalled();
});

test("one that the broker refuses is told", async () => {
  const { driver, listener, heartbeat } = rig();
  const refused = new HawserError("HWS_BACKPLANE_FAILED", "NOPERM");
  driver.beat.mockRejectedValueOnce(refused);
  await heartbeat.beat();
  expect(listener.onFailed.mock.calls).toEqual([["presence", refused]]);
});

test("a server that is about to end says so at once, also if a heartbeat is under way, and with each one that follows", async () => {
  const { driver, heartbeat } = rig();
  heartbeat.start();
  let answer: (beat: Beat) => void = () => undefined;
  driver.beat.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
  const first = heartbeat.beat();
  heartbeat.end();
  answer(BEAT);
  await first;
  await vi.advanceTimersByTimeAsync(3_000);
  expect((driver.beat.mock.calls as unknown[][]).map(([isEnding]) => isEnding)).toEqual([false, true, true]);
  heartbeat.stop();
  heartbeat.end();
  expect(driver.beat).toHaveBeenCalledTimes(3);
});

test("dead servers are removed one after the other, and while that lasts no others are, until the broker is away", async () => {
  const { driver, listener, heartbeat } = rig();
  const ends: ((error?: Error) => void)[] = [];
  driver.reap.mockImplementation(
    () =>
      new Promise<void>((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error)))),
  );
  driver.beat.mockResolvedValue({ ...BEAT, expired: ["a", "b", "c"] });
  for (let beat = 0; beat < 3; beat++) await heartbeat.beat();
  expect(driver.reap.mock.calls).toEqual([["a"]]);
  ends[0]!();
  await vi.waitFor(() => expect(driver.reap.mock.calls).toEqual([["a"], ["b"]]));
  ends[1]!(new HawserError("HWS_BACKPLANE_AWAY"));
  await turns();
  expect([driver.reap.mock.calls.length, listener.onFailed.mock.calls]).toEqual([2, []]);
  await heartbeat.beat();
  expect(driver.reap.mock.calls).toEqual([["a"], ["b"], ["a"]]);
});
