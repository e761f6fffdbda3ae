import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CloseTimer, type CloseTimerOwner } from "../../../src/connection/keepalive/close-timer.ts";
import { turns } from "../../support/wire.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A connection that closes. The test sets what waits, what was taken, and whether the peer has answered. */
class Closing implements CloseTimerOwner {
  readonly data = { size: 0, buffer: { writer: { takenBytes: 0 } } };
  peerClose: unknown = undefined;
  /** When the time was over, in milliseconds since the beginning. */
  readonly late: number[] = [];
  readonly #begun = performance.now();
  readonly closeTimer: CloseTimer;

  /** The timeout is 100 ms. `patience`: milliseconds for waiting bytes in any case; undefined: none. */
  constructor(waiting: number, patience?: number) {
    this.data.size = waiting;
    this.closeTimer = new CloseTimer(this, this.data, 100, patience === undefined ? 0 : this.#begun + patience);
  }

  /** The system takes some of what waits. */
  take(bytes: number): void {
    this.data.size -= bytes;
    this.data.buffer.writer.takenBytes += bytes;
  }

  onCloseTimeout(): void {
    this.late.push(performance.now() - this.#begun);
  }
}

/** This many milliseconds pass, ten in each turn. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    vi.advanceTimersByTime(10);
    await turns(1);
  }
}

describe("a close timer without a limit for waiting bytes", () => {
  test.each([
    ["nothing", 0],
    ["something", 1],
  ])("ends after its timeout, once, when %s waits", async (_what, waiting) => {
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

describe("a close timer with a limit for waiting bytes", () => {
  test("ends after its timeout when nothing waits: the limit is not for the peer's answer", async () => {
    const closing = new Closing(0, 1000);
    await pass(1500);
    expect(closing.late).toEqual([100]);
  });

  test("waits until the limit for unsent bytes", async () => {
    const closing = new Closing(5, 350);
    await pass(340);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([350]);
    await pass(1000);
    expect(closing.late).toEqual([350]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("starts its timeout again when all is sent", async () => {
    const closing = new Closing(5, 10_000);
    await pass(250);
    closing.take(5);
    await pass(90);
    expect(closing.late).toEqual([]);
    // A quarter of the timeout may pass until it sees this.
    await pass(50);
    expect(closing.late).toHaveLength(1);
    await pass(1000);
    expect(closing.late).toHaveLength(1);
  });

  test("that is already over does not count", async () => {
    const closing = new Closing(5, 100);
    await pass(100);
    expect(closing.late).toEqual([100]);
  });
});

describe("a close timer while the system takes what waits", () => {
  test("starts its timeout again, also for a single byte", async () => {
    const closing = new Closing(100);
    for (let i = 0; i < 8; i++) {
      await pass(90);
      closing.take(1);
    }
    await pass(90);
    expect(closing.late).toEqual([]);
    await pass(50);
    expect(closing.late).toHaveLength(1);
  });

  test("ends at most a quarter of its timeout too late when the system takes no more", async () => {
    const closing = new Closing(100);
    await pass(10);
    closing.take(1);
    await pass(100);
    expect(closing.late).toEqual([]);
    await pass(30);
    expect(closing.late).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends after twelve times its timeout, even if the system has taken something until then", async () => {
    const closing = new Closing(1000);
    for (let i = 0; i < 119; i++) {
      closing.take(1);
      await pass(10);
    }
    expect(closing.late).toEqual([]);
    closing.take(1);
    await pass(20);
    expect(closing.late).toHaveLength(1);
    expect(closing.late[0]).toBeLessThanOrEqual(1210);
  });

  test("ends after the limit for waiting bytes, if that is later", async () => {
    const closing = new Closing(1000, 2000);
    for (let i = 0; i < 199; i++) {
      closing.take(1);
      await pass(10);
    }
    expect(closing.late).toEqual([]);
    await pass(20);
    expect(closing.late).toHaveLength(1);
  });

  test("does not count what is taken when nothing waited: an answer to a ping gives the peer no more time", async () => {
    const closing = new Closing(0);
    await pass(50);
    closing.data.buffer.writer.takenBytes += 2;
    await pass(50);
    expect(closing.late).toEqual([100]);
  });
});

describe("a peer's close frame", () => {
  test("that came while the event loop was blocked is read first, and the peer has the whole timeout to close its side", async () => {
    const closing = new Closing(0);
    vi.advanceTimersByTime(100);
    closing.peerClose = { code: 1000, reason: undefined };
    await turns(1);
    await pass(90);
    expect(closing.late).toEqual([]);
    await pass(10);
    expect(closing.late).toEqual([200]);
  });

  test("that came before does not extend the time", async () => {
    const closing = new Closing(0);
    await pass(50);
    closing.peerClose = { code: 1000, reason: undefined };
    await pass(50);
    expect(closing.late).toEqual([100]);
  });
});

describe("a closed connection", () => {
  test.each([
    ["at once", 0, 0],
    ["shortly before its time is over", 90, 0],
    ["while something waits", 90, 5],
    ["after something has waited", 250, 5],
  ])("%s leaves no timer, and reports no timeout", async (_when, ms, waiting) => {
    const closing = new Closing(waiting, 10_000);
    await pass(ms);
    expect(vi.getTimerCount()).toBe(waiting === 0 ? 1 : 2);
    closing.closeTimer.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect(closing.late).toEqual([]);
  });

  test("closed between the timer and the end of the turn reports no timeout either", async () => {
    const closing = new Closing(0);
    vi.advanceTimersByTime(100);
    closing.closeTimer.stop();
    await turns(2);
    expect([closing.late, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
