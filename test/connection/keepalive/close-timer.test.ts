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
  readonly data = { size: 0, buffer: { writer: { bytesWritten: 0, takenBytes: 0 } } };
  peerClose: unknown = undefined;
  /** When the time was over, in milliseconds since the beginning. */
  readonly late: number[] = [];
  readonly #begun = performance.now();
  readonly closeTimer: CloseTimer;

  /**
   * The timeout is 100 ms.
   *
   * @param patience milliseconds for waiting bytes in any case; undefined: none
   * @param taken bytes that the system has taken
   * @param known bytes of them that were written when something was last received
   */
  constructor(waiting: number, patience?: number, taken = 0, known = 0) {
    this.data.size = waiting;
    this.data.buffer.writer.bytesWritten = taken + waiting;
    this.data.buffer.writer.takenBytes = taken;
    this.closeTimer = new CloseTimer(this, this.data, 100, known);
    if (patience !== undefined) this.extend(patience);
  }

  /** Waiting bytes may take until this many milliseconds after the beginning. */
  extend(patience: number): void {
    this.closeTimer.extend(this.#begun + patience);
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

/** Each of this many bytes that may be in flight gives the timeout once more. */
const STEP = 512 * 1024;

describe("bytes that the system has taken, and that the peer may not have read,", () => {
  test.each([
    ["none", 0, 0, 100],
    ["two steps", 2 * STEP, 0, 300],
    ["two steps, and as many that were answered", 4 * STEP, 2 * STEP, 300],
    ["more than systems hold", 100 * STEP, 0, 900],
    ["all but those that the peer has answered, which had not been taken then", STEP, 5 * STEP, 100],
  ])("extend the time: %s", async (_what, taken, known, end) => {
    const closing = new Closing(0, undefined, taken, known);
    await pass(end - 10);
    expect(closing.late).toEqual([]);
    await pass(20);
    expect(closing.late).toHaveLength(1);
  });

  test("do not matter for a peer that is too slow, and neither does what it takes", async () => {
    const closing = new Closing(4 * STEP, undefined, 8 * STEP);
    closing.closeTimer.limitToTimeout();
    closing.closeTimer.noteReceived();
    await pass(50);
    closing.take(STEP);
    await pass(55);
    expect(closing.late).toHaveLength(1);
    expect(closing.late[0]).toBeLessThan(110);
  });

  test("count from when they were taken", async () => {
    const closing = new Closing(4 * STEP);
    await pass(50);
    closing.take(4 * STEP);
    await pass(500);
    expect(closing.late).toEqual([]);
    await pass(60);
    expect(closing.late).toHaveLength(1);
  });

  test("extend the time while others wait: the system takes some only when a large part has been read", async () => {
    const closing = new Closing(1, undefined, 2 * STEP);
    await pass(290);
    expect(closing.late).toEqual([]);
    closing.take(1);
    await pass(290);
    expect(closing.late).toEqual([]);
    await pass(50);
    expect(closing.late).toHaveLength(1);
  });

  test("are all that were sent, as far as a system can hold them, when the peer sends something else than its answer", async () => {
    const closing = new Closing(0, undefined, 4 * STEP, 4 * STEP);
    await pass(50);
    closing.closeTimer.noteReceived();
    await pass(440);
    expect(closing.late).toEqual([]);
    closing.closeTimer.noteReceived();
    await pass(20);
    expect(closing.late).toHaveLength(1);
  });

  test("do not matter where few were sent: a peer that sends all the time and never answers gets its timeout", async () => {
    const closing = new Closing(0, undefined, 1000, 1000);
    for (let i = 0; i < 10; i++) {
      closing.closeTimer.noteReceived();
      await pass(10);
    }
    await pass(10);
    expect(closing.late).toHaveLength(1);
  });

  test("have the limit for waiting bytes too, if they are many", async () => {
    const [many, few] = [new Closing(0, 1000, STEP), new Closing(0, 1000, STEP - 1)];
    await pass(210);
    expect([many.late.length, few.late.length]).toEqual([0, 1]);
    await pass(780);
    expect(many.late).toEqual([]);
    await pass(20);
    expect(many.late).toHaveLength(1);
  });

  test("do not extend the time beyond twelve times the timeout", async () => {
    const closing = new Closing(20 * STEP);
    for (let i = 0; i < 60; i++) {
      await pass(10);
      closing.take(STEP / 4);
    }
    await pass(610);
    expect(closing.late).toHaveLength(1);
    expect(closing.late[0]).toBeGreaterThanOrEqual(1200);
  });
});

describe("a limit for waiting bytes that comes later", () => {
  test("extends a timer that runs, and beyond twelve times the timeout", async () => {
    const closing = new Closing(5);
    await pass(50);
    closing.extend(2000);
    closing.extend(300);
    await pass(1940);
    expect(closing.late).toEqual([]);
    await pass(20);
    expect(closing.late).toHaveLength(1);
  });

  test("starts no timer again that was stopped, or is over", async () => {
    const [stopped, over] = [new Closing(5), new Closing(5)];
    stopped.closeTimer.stop();
    await pass(120);
    for (const closing of [stopped, over]) closing.extend(1000);
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect([stopped.late.length, over.late.length]).toEqual([0, 1]);
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
