import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SerialQueue } from "../../../src/connection/dispatch/serial-queue.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A queue that records what happens. */
function recorded(): { queue: SerialQueue; log: string[]; failed: (error: unknown) => void } {
  const log: string[] = [];
  const queue = new SerialQueue(() => log.push("free"));
  return { queue, log, failed: (error) => log.push(`failed ${String(error)}`) };
}

describe("a serial queue", () => {
  test("is free until it waits for a promise", async () => {
    const { queue, log, failed } = recorded();
    expect(queue.isWaiting).toBe(false);
    const { promise, resolve } = deferred();
    queue.waitFor(promise, failed);
    expect(queue.isWaiting).toBe(true);
    resolve();
    await turns();
    expect(queue.isWaiting).toBe(false);
    expect(log).toEqual(["free"]);
  });

  test("runs deferred tasks in order when the promise has settled, and reports once that it is free", async () => {
    const { queue, log, failed } = recorded();
    const { promise, resolve } = deferred();
    queue.waitFor(promise, failed);
    for (const name of ["a", "b", "c"]) queue.addTask(() => log.push(name));
    await turns();
    expect(log).toEqual([]);
    resolve();
    await turns();
    expect(log).toEqual(["a", "b", "c", "free"]);
  });

  test("waits again after a task that returns a promise, and keeps what follows it", async () => {
    const { queue, log, failed } = recorded();
    const first = deferred();
    const second = deferred();
    queue.waitFor(first.promise, failed);
    queue.addTask(() => {
      log.push("a");
      queue.waitFor(second.promise, failed);
    });
    queue.addTask(() => log.push("b"));
    first.resolve();
    await turns();
    expect(log).toEqual(["a"]);
    expect(queue.isWaiting).toBe(true);
    second.resolve();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("passes on a rejection before anything else runs", async () => {
    const { queue, log, failed } = recorded();
    const { promise, reject } = deferred();
    queue.waitFor(promise, failed);
    queue.addTask(() => log.push("a"));
    reject("reason");
    await turns();
    expect(log).toEqual(["failed reason", "a", "free"]);
  });

  test("waits for a promise from the rejection handler: nothing runs meanwhile, and all runs once", async () => {
    const { queue, log, failed } = recorded();
    const first = deferred();
    const second = deferred();
    queue.waitFor(first.promise, () => {
      log.push("failed");
      queue.waitFor(second.promise, failed);
    });
    queue.addTask(() => log.push("a"));
    first.reject("reason");
    await turns();
    expect(log).toEqual(["failed"]);
    expect(queue.isWaiting).toBe(true);
    second.resolve();
    await turns();
    expect(log).toEqual(["failed", "a", "free"]);
  });

  test("runs what a task defers after what is queued already", async () => {
    const { queue, log, failed } = recorded();
    const { promise, resolve } = deferred();
    queue.waitFor(promise, failed);
    queue.addTask(() => {
      log.push("a");
      queue.addTask(() => log.push("c"));
    });
    queue.addTask(() => log.push("b"));
    resolve();
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

  test("uses no more stack for a long queue than for a short one", async () => {
    const { queue, log, failed } = recorded();
    const { promise, resolve } = deferred();
    queue.waitFor(promise, failed);
    let run = 0;
    for (let i = 0; i < 100_000; i++) {
      queue.addTask(() => {
        run++;
        queue.runNext();
      });
    }
    resolve();
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

  test("that is forced runs everything at once, and the promise has no effect when it settles", async () => {
    const { queue, log, failed } = recorded();
    const { promise, resolve } = deferred();
    queue.waitFor(promise, failed);
    queue.addTask(() => log.push("a"));
    queue.addTask(() => log.push("b"));
    queue.stopWaiting();
    queue.runNext();
    expect(queue.isWaiting).toBe(false);
    expect(log).toEqual(["a", "b", "free"]);
    resolve();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("that is forced still passes on a rejection", async () => {
    const { queue, log, failed } = recorded();
    const { promise, reject } = deferred();
    queue.waitFor(promise, failed);
    queue.stopWaiting();
    queue.runNext();
    reject("late");
    await turns();
    expect(log).toEqual(["free", "failed late"]);
  });

  test("keeps the order for any order of settling", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("sync", "resolves", "rejects", "later"), { maxLength: 12 }),
        async (kinds) => {
          const { queue, log } = recorded();
          const running = { now: 0 };
          const start = deferred();
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
          start.resolve();
          await turns(2 + kinds.length);
          const expected = kinds.flatMap((kind, i) => (kind === "rejects" ? [`${i}`, `${i} failed`] : [`${i}`]));
          expect(log).toEqual([...expected, "free"]);
        },
      ),
      { seed, numRuns: cases(60) },
    );
  });
});

test("a serial queue that is running is busy: what an item causes comes after those that wait", () => {
  const log: string[] = [];
  const queue: SerialQueue = new SerialQueue(
    () => log.push("free"),
    (item) => {
      log.push(String(item));
      if (item === "a") {
        expect([queue.isBusy, queue.isWaiting]).toEqual([true, false]);
        queue.addItem("late");
      }
    },
  );
  for (const item of ["a", "b"]) queue.addItem(item);
  queue.runNext();
  expect(log).toEqual(["a", "b", "late", "free"]);
  expect(queue.isBusy).toBe(false);
});

describe("a rest", () => {
  /** A queue that waits for a delay before an item. `rests`: the delays, one after the other; then undefined. */
  function resting(rests: (PromiseLike<void> | undefined)[]) {
    const log: string[] = [];
    const queue: SerialQueue = new SerialQueue(
      () => log.push("free"),
      (item) => log.push(String(item)),
      () => {
        log.push("asked");
        const rest = rests.shift();
        if (rest !== undefined) queue.waitFor(rest);
        return rest === undefined;
      },
    );
    return { queue, log };
  }

  test("is asked for before each item, which is delivered at once without a delay", () => {
    const { queue, log } = resting([]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect(log).toEqual(["asked", "a", "asked", "b", "free"]);
  });

  test("is awaited, and asked for again before the same item", async () => {
    const [first, second] = [deferred(), deferred()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect([log, queue.isWaiting, queue.length]).toEqual([["asked"], true, 2]);
    await turns();
    expect(log).toEqual(["asked"]);
    first.resolve();
    await turns();
    expect([log, queue.isWaiting, queue.length]).toEqual([["asked", "asked"], true, 2]);
    second.resolve();
    await turns();
    expect(log).toEqual(["asked", "asked", "asked", "a", "asked", "b", "free"]);
    expect([queue.isWaiting, queue.length]).toEqual([false, 0]);
  });

  test("between two items delays only the second", async () => {
    const { promise, resolve } = deferred();
    const { queue, log } = resting([undefined, promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    expect([log, queue.length]).toEqual([["asked", "a", "asked"], 1]);
    resolve();
    await turns();
    expect(log).toEqual(["asked", "a", "asked", "asked", "b", "free"]);
  });

  test("is not asked for before a task: only the items before it are delayed", async () => {
    const { promise, resolve } = deferred();
    const { queue, log } = resting([promise]);
    queue.addTask(() => log.push("task"));
    queue.runNext();
    expect(log).toEqual(["task", "free"]);
    queue.addItem("a");
    queue.addTask(() => log.push("after"));
    queue.runNext();
    expect(log.slice(2)).toEqual(["asked"]);
    resolve();
    await turns();
    expect(log.slice(2)).toEqual(["asked", "asked", "a", "after", "free"]);
  });

  test("that rejects is over too: the next answer counts", async () => {
    const { promise, reject } = deferred();
    const { queue, log } = resting([promise]);
    queue.addItem("a");
    queue.runNext();
    reject("reason");
    await turns();
    expect(log).toEqual(["asked", "asked", "a", "free"]);
  });

  test("delays no item of a forced queue, which asks no more", async () => {
    const [first, second] = [deferred(), deferred()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.addItem("a");
    queue.addItem("b");
    queue.runNext();
    queue.stopWaiting();
    queue.runNext();
    expect(log).toEqual(["asked", "a", "b", "free"]);
    // The abandoned promise has no effect.
    first.resolve();
    await turns();
    expect(log).toHaveLength(4);
  });
});

async function task(kind: string): Promise<void> {
  if (kind === "later") await new Promise((resolve) => setImmediate(resolve));
  if (kind === "rejects") throw new Error("rejected");
}
