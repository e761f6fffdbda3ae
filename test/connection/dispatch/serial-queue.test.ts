import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SerialQueue } from "../../../src/connection/dispatch/serial-queue.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A queue that writes down what happens. */
function recorded(): { queue: SerialQueue; log: string[]; failed: (error: unknown) => void } {
  const log: string[] = [];
  const queue = new SerialQueue(() => log.push("free"));
  return { queue, log, failed: (error) => log.push(`failed ${String(error)}`) };
}

describe("a serial queue", () => {
  test("is not held until it waits for a promise", async () => {
    const { queue, log, failed } = recorded();
    expect(queue.isWaiting).toBe(false);
    const { promise, open } = gate();
    queue.waitFor(promise, failed);
    expect(queue.isWaiting).toBe(true);
    open();
    await turns();
    expect(queue.isWaiting).toBe(false);
    expect(log).toEqual(["free"]);
  });

  test("runs what is deferred in order when the promise has settled, and says that it is free once", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.waitFor(promise, failed);
    for (const name of ["a", "b", "c"]) queue.addTask(() => log.push(name));
    await turns();
    expect(log).toEqual([]);
    open();
    await turns();
    expect(log).toEqual(["a", "b", "c", "free"]);
  });

  test("waits again where a task holds, and leaves what is behind it", async () => {
    const { queue, log, failed } = recorded();
    const first = gate();
    const second = gate();
    queue.waitFor(first.promise, failed);
    queue.addTask(() => {
      log.push("a");
      queue.waitFor(second.promise, failed);
    });
    queue.addTask(() => log.push("b"));
    first.open();
    await turns();
    expect(log).toEqual(["a"]);
    expect(queue.isWaiting).toBe(true);
    second.open();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("hands on what a promise rejects with before anything else runs", async () => {
    const { queue, log, failed } = recorded();
    const { promise, fail } = gate();
    queue.waitFor(promise, failed);
    queue.addTask(() => log.push("a"));
    fail("reason");
    await turns();
    expect(log).toEqual(["failed reason", "a", "free"]);
  });

  test("waits for what is held by the answer to a rejection: nothing runs meanwhile, and all runs once", async () => {
    const { queue, log, failed } = recorded();
    const first = gate();
    const second = gate();
    queue.waitFor(first.promise, () => {
      log.push("failed");
      queue.waitFor(second.promise, failed);
    });
    queue.addTask(() => log.push("a"));
    first.fail("reason");
    await turns();
    expect(log).toEqual(["failed"]);
    expect(queue.isWaiting).toBe(true);
    second.open();
    await turns();
    expect(log).toEqual(["failed", "a", "free"]);
  });

  test("runs what a task defers behind what is there already", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.waitFor(promise, failed);
    queue.addTask(() => {
      log.push("a");
      queue.addTask(() => log.push("c"));
    });
    queue.addTask(() => log.push("b"));
    open();
    await turns();
    expect(log).toEqual(["a", "b", "c", "free"]);
  });

  test("does not run a task inside another", () => {
    const { queue, log } = recorded();
    queue.addTask(() => {
      log.push("a");
      queue.runNext();
      log.push("still a");
    });
    queue.addTask(() => log.push("b"));
    queue.runNext();
    expect(log).toEqual(["a", "still a", "b", "free"]);
  });

  test("is as deep in a long queue as in a short one", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.waitFor(promise, failed);
    let run = 0;
    for (let i = 0; i < 100_000; i++) {
      queue.addTask(() => {
        run++;
        queue.runNext();
      });
    }
    open();
    await turns();
    expect(run).toBe(100_000);
    expect(log).toEqual(["free"]);
  });

  test("takes thenables that settle twice, throw or reject", async () => {
    const { queue, log, failed } = recorded();
    const twice: PromiseLike<unknown> = {
      then(done: () => void, no: (error: unknown) => void) {
        done();
        no("too late");
        done();
      },
    } as unknown as PromiseLike<unknown>;
    const throwing = {
      then() {
        throw "thrown"; // eslint-disable-line @typescript-eslint/only-throw-error
      },
    } as unknown as PromiseLike<unknown>;
    queue.waitFor(twice, failed);
    queue.addTask(() => {
      log.push("a");
      queue.waitFor(throwing, failed);
    });
    queue.addTask(() => log.push("b"));
    await turns();
    expect(log).toEqual(["a", "failed thrown", "b", "free"]);
  });

  test("that is forced runs all at once, and the promise changes nothing when it settles", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.waitFor(promise, failed);
    queue.addTask(() => log.push("a"));
    queue.addTask(() => log.push("b"));
    queue.stopWaiting();
    expect(queue.isWaiting).toBe(false);
    expect(log).toEqual(["a", "b", "free"]);
    open();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("that is forced still hears of a rejection: it is not lost", async () => {
    const { queue, log, failed } = recorded();
    const { promise, fail } = gate();
    queue.waitFor(promise, failed);
    queue.stopWaiting();
    fail("late");
    await turns();
    expect(log).toEqual(["free", "failed late"]);
  });

  test("keeps the order whatever settles when", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("sync", "resolves", "rejects", "later"), { maxLength: 12 }),
        async (kinds) => {
          const { queue, log } = recorded();
          const running = { now: 0 };
          const start = gate();
          queue.waitFor(start.promise, () => undefined);
          kinds.forEach((kind, i) => {
            queue.addTask(() => {
              if (running.now > 0) log.push("overlap");
              log.push(`${i}`);
              if (kind === "sync") return;
              running.now++;
              queue.waitFor(
                task(kind).finally(() => running.now--),
                () => log.push(`${i} failed`),
              );
            });
          });
          start.open();
          await turns(2 + kinds.length);
          const expected = kinds.flatMap((kind, i) => (kind === "rejects" ? [`${i}`, `${i} failed`] : [`${i}`]));
          expect(log).toEqual([...expected, "free"]);
        },
      ),
      { seed, numRuns: cases(60) },
    );
  });
});

describe("a rest", () => {
  /** A queue that asks for one before each item. `rests`: what it is told, one after the other; then undefined. */
  function resting(rests: (PromiseLike<void> | undefined)[]) {
    const log: string[] = [];
    const queue = new SerialQueue(
      () => log.push("free"),
      (item) => log.push(String(item)),
      () => {
        log.push("asked");
        return rests.shift();
      },
    );
    return { queue, log };
  }

  test("is asked for before each item, which is delivered at once where there is none", () => {
    const { queue, log } = resting([]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect(log).toEqual(["asked", "a", "asked", "b", "free"]);
  });

  test("is waited for, and asked for again before the same item", async () => {
    const [first, second] = [gate(), gate()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect([log, queue.isWaiting, queue.length]).toEqual([["asked"], true, 2]);
    await turns();
    expect(log).toEqual(["asked"]);
    first.open();
    await turns();
    expect([log, queue.isWaiting, queue.length]).toEqual([["asked", "asked"], true, 2]);
    second.open();
    await turns();
    expect(log).toEqual(["asked", "asked", "asked", "a", "asked", "b", "free"]);
    expect([queue.isWaiting, queue.length]).toEqual([false, 0]);
  });

  test("between two items holds back the second alone", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([undefined, promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect([log, queue.length]).toEqual([["asked", "a", "asked"], 1]);
    open();
    await turns();
    expect(log).toEqual(["asked", "a", "asked", "asked", "b", "free"]);
  });

  test("is not asked for before a task: only what stands before that rests", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([promise]);
    queue.addTask(() => log.push("task"));
    queue.runNext();
    expect(log).toEqual(["task", "free"]);
    queue.addItem("a");
    queue.addTask(() => log.push("behind"));
    queue.runNext();
    expect(log.slice(2)).toEqual(["asked"]);
    open();
    await turns();
    expect(log.slice(2)).toEqual(["asked", "asked", "a", "behind", "free"]);
  });

  test("that rejects is over as well: the next answer counts", async () => {
    const { promise, fail } = gate();
    const { queue, log } = resting([promise]);
    queue.addItem("a");
    queue.runNext();
    fail("reason");
    await turns();
    expect(log).toEqual(["asked", "asked", "a", "free"]);
  });

  test("is no rest any more for a queue that is forced, once none is wanted", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    queue.stopWaiting();
    expect(log).toEqual(["asked", "asked", "a", "asked", "b", "free"]);
    open();
    await turns();
    expect(log).toHaveLength(6);
  });

  test("is waited for by a queue that is forced where one is still wanted", async () => {
    const [first, second] = [gate(), gate()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.addItem("a");
    queue.runNext();
    queue.stopWaiting();
    expect([log, queue.isWaiting]).toEqual([["asked", "asked"], true]);
    // The one that was given up changes nothing.
    first.open();
    await turns();
    expect([log, queue.isWaiting]).toEqual([["asked", "asked"], true]);
    queue.stopWaiting();
    expect(log).toEqual(["asked", "asked", "asked", "a", "free"]);
    second.open();
    await turns();
    expect(log).toHaveLength(5);
  });
});

async function task(kind: string): Promise<void> {
  if (kind === "later") await new Promise((resolve) => setImmediate(resolve));
  if (kind === "rejects") throw new Error("rejected");
}
