import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialer } from "../../src/client/dialer.ts";
import type { DialSources } from "../../src/client/dialing.ts";
import { FakePlatform, answered } from "../support/fake-client-platform.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function rig(url: DialSources["url"] = "ws://user:secret@server/") {
  const platform = new FakePlatform();
  const events: string[] = [];
  const owner = { onAccepted: () => void events.push("accepted"), onDialFailed: () => void events.push("failed") };
  const sources = { url, protocols: undefined, baseUrl: undefined };
  const dialer = new Dialer(platform, { sources, shownUrl: "", handshakeTimeout: 1_000 }, owner);
  return { platform, events, dialer };
}

test("it tells that the server has accepted, or that the dial failed, and then none is under way", async () => {
  const { platform, events, dialer } = rig();
  for (const isAccepted of [true, false]) {
    dialer.start(0, undefined);
    await vi.advanceTimersByTimeAsync(10);
    expect(dialer.age).toBe(10);
    if (isAccepted) platform.dials[0]?.accept();
    else platform.dials[1]?.fail();
    await turn();
    expect(dialer.age).toBeUndefined();
  }
  expect([events, dialer.count, dialer.url]).toEqual([["accepted", "failed"], 2, "ws://server/"]);
});

test("a new dial gives up the one before: its connection is abandoned, its failure is not told", async () => {
  const { platform, events, dialer } = rig();
  dialer.start(0, undefined);
  await turn();
  dialer.start(0, undefined);
  await turn();
  dialer.start(0, undefined);
  await turn();
  platform.dials[0]?.accept();
  platform.dials[1]?.fail();
  await turn();
  expect([events, platform.dials[0]?.isAbandoned]).toEqual([[], true]);
  dialer.stop();
});

test("a function that is asked gets the last URL, and why the last dial failed", async () => {
  const asked: unknown[] = [];
  const { dialer } = rig(({ attempt, url, status, error }) => {
    asked.push([attempt, url, status, error]);
    return "ws://server/";
  });
  const error = answered(503);
  dialer.start(0, undefined);
  await turn();
  dialer.start(1, { opened: false, code: 1006, reason: undefined, status: 503, stage: "http", error });
  await turn();
  dialer.stop();
  expect(asked).toEqual([
    [0, undefined, undefined, undefined],
    [1, "ws://server/", 503, error],
  ]);
});
