import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Deadline } from "../../src/util/deadline.ts";
import { turns } from "../support/wire.ts";

// Immediates stay real: they are what a deadline waits for once its timer is over.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A deadline of 100 ms that records when it is over, and a sign of progress that the test can change. */
function rig() {
  const log: string[] = [];
  const sign: { value: unknown } = { value: undefined };
  const begun = performance.now();
  const deadline = new Deadline(
    100,
    () => log.push(`late at ${performance.now() - begun}`),
    () => sign.value,
  );
  return { deadline, sign, log };
}

/** This many milliseconds pass, and then the sockets are read. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  await turns(1);
}

describe("a deadline", () => {
  test("expires after its time, once", async () => {
    const { log } = rig();
    await pass(99);
    expect(log).toEqual([]);
    await pass(1);
    expect(log).toEqual(["late at 100"]);
    await pass(1000);
    expect(log).toEqual(["late at 100"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not expire before the sockets have been read", async () => {
    const { log } = rig();
    vi.advanceTimersByTime(100);
    expect(log).toEqual([]);
    await turns(1);
    expect(log).toEqual(["late at 100"]);
  });

  test("needs no sign of progress", async () => {
    const late = vi.fn();
    new Deadline(100, late);
    await pass(100);
    expect(late).toHaveBeenCalledExactlyOnceWith();
  });

  test("starts again if the sign has changed between the timer and the end of the turn", async () => {
    const { sign, log } = rig();
    vi.advanceTimersByTime(100);
    sign.value = {};
    await turns(1);
    await pass(99);
    expect(log).toEqual([]);
    await pass(1);
    expect(log).toEqual(["late at 200"]);
  });

  test("starts again each time this happens", async () => {
    const { sign, log } = rig();
    for (let times = 1; times <= 5; times++) {
      vi.advanceTimersByTime(100);
      sign.value = times;
      await turns(1);
    }
    expect([log, vi.getTimerCount()]).toEqual([[], 1]);
    await pass(100);
    expect(log).toEqual(["late at 600"]);
  });

  test("expires if the sign had changed before the timer", async () => {
    const { sign, log } = rig();
    await pass(50);
    sign.value = {};
    await pass(50);
    expect(log).toEqual(["late at 100"]);
  });

  test("may be started again in its own callback", async () => {
    let times = 0;
    const deadline = new Deadline(100, () => {
      if (++times < 3) deadline.start();
    });
    await pass(100);
    expect(times).toBe(1);
    await pass(99);
    expect(times).toBe(1);
    await pass(1);
    expect(times).toBe(2);
    await pass(100);
    await pass(1000);
    expect(times).toBe(3);
  });
});

describe("a stopped deadline", () => {
  test("before its timer is over leaves no timer, and never expires", async () => {
    const { deadline, log } = rig();
    await pass(99);
    deadline.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect(log).toEqual([]);
  });

  test("between the timer and the end of the turn does not expire either", async () => {
    const { deadline, log } = rig();
    vi.advanceTimersByTime(100);
    deadline.stop();
    await turns(2);
    expect([log, vi.getTimerCount()]).toEqual([[], 0]);
  });

  test("between the timer and the end of the turn does not start again, with any sign", async () => {
    const { deadline, sign, log } = rig();
    vi.advanceTimersByTime(100);
    sign.value = {};
    deadline.stop();
    await turns(2);
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect(log).toEqual([]);
  });

  test("after it has started again leaves no timer", async () => {
    const { deadline, sign, log } = rig();
    vi.advanceTimersByTime(100);
    sign.value = {};
    await turns(1);
    expect(vi.getTimerCount()).toBe(1);
    deadline.stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1000);
    expect(log).toEqual([]);
  });

  test("may be cleared twice, and when it was late", async () => {
    const { deadline, log } = rig();
    await pass(100);
    deadline.stop();
    deadline.stop();
    await pass(1000);
    expect(log).toEqual(["late at 100"]);
  });
});

test("start with milliseconds of its own waits for these, once", async () => {
  const { deadline, sign, log } = rig();
  deadline.stop();
  deadline.start(30);
  vi.advanceTimersByTime(30);
  sign.value = "progress";
  await turns(1);
  expect(log).toEqual([]);
  await pass(100);
  expect(log).toEqual(["late at 130"]);
});
