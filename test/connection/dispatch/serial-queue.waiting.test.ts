import { describe, expect, test } from "vitest";
import { SerialQueue } from "../../../src/connection/dispatch/serial-queue.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A queue that waits for a gate. */
function held() {
  const queue = new SerialQueue(() => undefined);
  const { promise, open } = gate();
  queue.waitFor(promise, () => undefined);
  return { queue, open };
}

describe("what waits in a serial queue", () => {
  test("is nothing at first, nor is what is awaited itself", () => {
    expect(new SerialQueue(() => undefined).length).toBe(0);
    expect(held().queue.length).toBe(0);
  });

  test("is all that was deferred, and gets less with each that runs", async () => {
    const { queue, open } = held();
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) queue.addTask(() => seen.push(queue.length));
    expect(queue.length).toBe(5);
    open();
    await turns();
    expect([seen, queue.length]).toEqual([[4, 3, 2, 1, 0], 0]);
  });

  test("stays what is behind a task that holds again, and what is deferred comes on top", async () => {
    const { queue, open } = held();
    const second = gate();
    queue.addTask(() => queue.waitFor(second.promise, () => undefined));
    for (let i = 0; i < 3; i++) queue.addTask(() => undefined);
    open();
    await turns();
    expect(queue.length).toBe(3);
    queue.addTask(() => undefined);
    expect(queue.length).toBe(4);
    second.open();
    await turns();
    expect(queue.length).toBe(0);
  });

  test("counts what a task defers", async () => {
    const { queue, open } = held();
    const seen: number[] = [];
    queue.addTask(() => {
      queue.addTask(() => seen.push(queue.length));
      seen.push(queue.length);
    });
    open();
    await turns();
    expect([seen, queue.length]).toEqual([[1, 0], 0]);
  });

  test("is nothing any more when the queue was forced", () => {
    const { queue } = held();
    queue.addTask(() => undefined);
    queue.addTask(() => undefined);
    queue.stopWaiting();
    expect(queue.length).toBe(0);
  });
});
