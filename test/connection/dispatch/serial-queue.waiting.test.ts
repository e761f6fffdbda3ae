import { describe, expect, test } from "vitest";
import { SerialQueue } from "../../../src/connection/dispatch/serial-queue.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A queue that waits for a promise. */
function held() {
  const queue = new SerialQueue(() => undefined);
  const { promise, resolve } = deferred();
  queue.waitFor(promise, () => undefined);
  return { queue, resolve };
}

describe("the number of waiting items of a serial queue", () => {
  test("is 0 at first, and does not count the awaited promise", () => {
    expect(new SerialQueue(() => undefined).length).toBe(0);
    expect(held().queue.length).toBe(0);
  });

  test("counts all deferred items, and shrinks with each that runs", async () => {
    const { queue, resolve } = held();
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) queue.addTask(() => seen.push(queue.length));
    expect(queue.length).toBe(5);
    resolve();
    await turns();
    expect([seen, queue.length]).toEqual([[4, 3, 2, 1, 0], 0]);
  });

  test("counts what follows a task that waits again, plus what is deferred then", async () => {
    const { queue, resolve } = held();
    const second = deferred();
    queue.addTask(() => queue.waitFor(second.promise, () => undefined));
    for (let i = 0; i < 3; i++) queue.addTask(() => undefined);
    resolve();
    await turns();
    expect(queue.length).toBe(3);
    queue.addTask(() => undefined);
    expect(queue.length).toBe(4);
    second.resolve();
    await turns();
    expect(queue.length).toBe(0);
  });

  test("counts what a task defers", async () => {
    const { queue, resolve } = held();
    const seen: number[] = [];
    queue.addTask(() => {
      queue.addTask(() => seen.push(queue.length));
      seen.push(queue.length);
    });
    resolve();
    await turns();
    expect([seen, queue.length]).toEqual([[1, 0], 0]);
  });

  test("is 0 after the queue was forced", () => {
    const { queue } = held();
    queue.addTask(() => undefined);
    queue.addTask(() => undefined);
    queue.stopWaiting();
    queue.runNext();
    expect(queue.length).toBe(0);
  });
});
