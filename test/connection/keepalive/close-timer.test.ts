import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CloseTimer, type ClosingConnection } from "../../../src/connection/keepalive/close-timer.ts";
import { turns } from "../../support/wire.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A connection that closes: what waits and whether the peer has answered, the test says. */
class Closing implements ClosingConnection {
  bufferedAmount = 0;
  peerClose: unknown = undefined;
  /** When it was too late, in milliseconds since the beginning. */
  readonly late: number[] = [];
  readonly #begun = performance.now();
  readonly goodbye: CloseTimer;

  /** It has 100 ms. `patience`: milliseconds for what waits; none: no `until`. */
  constructor(waiting: number, patience?: number) {
    this.bufferedAmount = waiting;
    this.goodbye = new CloseTimer(this, 100, patience === undefined ? 0 : this.#begun + patience);
  }

  onCloseTimeout(): void {
    this.late.push(performance.now() - this.#begun);
  }
}

/** So much time passes, ten milliseconds a turn. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    vi.advanceTimersByTime(10);
    await turns(1);
  }
}

describe("a goodbye without an end for what waits", () => {
  test.each([
    ["nothing", 0],
    ["something", 1],
  ])("is too late after its time, once, where %s waits", async (_what, waiting) => {
    const closing = new Closing(waiting);
    await pass(90);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([100]);
    await pass(1000);
    expect(closing.late).toEqual([100]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a goodbye with an end for what waits", () => {
  test("is too late after its time where nothing waits: the end is not for the peer's answer", async () => {
    const closing = new Closing(0, 1000);
    await pass(1500);
    expect(closing.late).toEqual([100]);
  });

  test("waits until then for what is not sent", async () => {
    const closing = new Closing(5, 350);
    await pass(390);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([400]);
    await pass(1000);
    expect(closing.late).toEqual([400]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("has its time once more when it is seen that all is sent", async () => {
    const closing = new Closing(5, 10_000);
    await pass(250);
    closing.bufferedAmount = 0;
    // That is seen at 300.
    await pass(140);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([400]);
    await pass(1000);
    expect(closing.late).toEqual([400]);
  });

  test("waits on where something waits again", async () => {
    const closing = new Closing(5, 10_000);
    await pass(150);
    closing.bufferedAmount = 0;
    await pass(100);
    closing.bufferedAmount = 5;
    await pass(100);
    closing.bufferedAmount = 0;
    // Seen empty at 200, with something at 300, empty at 400.
    await pass(140);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([500]);
  });

  test("that is over already is none", async () => {
    const closing = new Closing(5, 100);
    await pass(100);
    expect(closing.late).toEqual([100]);
  });
});

describe("a peer's close frame", () => {
  test("that came while we stood still is read first, and the peer has all its time to close its side", async () => {
    const closing = new Closing(0);
    vi.advanceTimersByTime(100);
    closing.peerClose = { code: 1000, reason: undefined };
    await turns(1);
    await pass(90);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([200]);
  });

  test("that came before is no reason to wait longer", async () => {
    const closing = new Closing(0);
    await pass(50);
    closing.peerClose = { code: 1000, reason: undefined };
    await pass(50);
    expect(closing.late).toEqual([100]);
  });
});

describe("a connection that is gone", () => {
  test.each([
    ["at once", 0, 0],
    ["shortly before its time is over", 90, 0],
    ["while something waits", 90, 5],
    ["when something has been waited for", 250, 5],
  ])("%s leaves no timer, and is never too late", async (_when, ms, waiting) => {
    const closing = new Closing(waiting, 10_000);
    await pass(ms);
    expect(vi.getTimerCount()).toBe(1);
    closing.goodbye.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect(closing.late).toEqual([]);
  });

  test("between the timer and the end of the turn is not too late either", async () => {
    const closing = new Closing(0);
    vi.advanceTimersByTime(100);
    closing.goodbye.stop();
    await turns(2);
    expect([closing.late, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
