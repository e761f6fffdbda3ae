import { describe, expect, test } from "vitest";
import { SerialQueue } from "../../../src/connection/handler/serial.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A queue that waits for a gate. */
function held() {
  const queue = new SerialQueue(() => undefined);
  const { promise, open } = gate();
  queue.hold(promise, () => undefined);
  return { queue, open };
}

describe("what waits in a serial queue", () => {
  test("is nothing at first, nor is what is awaited itself", () => {
    expect(new SerialQueue(() => undefined).waiting).toBe(0);
    expect(held().queue.waiting).toBe(0);
  });

  test("is all that was deferred, and gets less with each that runs", async () => {
    const { queue, open } = held();
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) queue.defer(() => seen.push(queue.waiting));
    expect(queue.waiting).toBe(5);
    open();
    await turns();
    expect([seen, queue.waiting]).toEqual([[4, 3, 2, 1, 0], 0]);
  });

  test("stays what is behind a task that holds again, and what is deferred comes on top", async () => {
    const { queue, open } = held();
    const second = gate();
    queue.defer(() => queue.hold(second.promise, () => undefined));
    for (let i = 0; i < 3; i++) queue.defer(() => undefined);
    open();
    await turns();
    expect(queue.waiting).toBe(3);
    queue.defer(() => undefined);
    expect(queue.waiting).toBe(4);
    second.open();
    await turns();
    expect(queue.waiting).toBe(0);
  });

  test("counts what a task defers", async () => {
    const { queue, open } = held();
    const seen: number[] = [];
    queue.defer(() => {
      queue.defer(() => seen.push(queue.waiting));
      seen.push(queue.waiting);
    });
    open();
    await turns();
    expect([seen, queue.waiting]).toEqual([[1, 0], 0]);
  });

  test("is nothing any more when the queue was forced", () => {
    const { queue } = held();
    queue.defer(() => undefined);
    queue.defer(() => undefined);
    queue.force();
    expect(queue.waiting).toBe(0);
  });
});
