import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SerialQueue, isThenable } from "../../../src/connection/handler/serial.ts";
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
    expect(queue.held).toBe(false);
    const { promise, open } = gate();
    queue.hold(promise, failed);
    expect(queue.held).toBe(true);
    open();
    await turns();
    expect(queue.held).toBe(false);
    expect(log).toEqual(["free"]);
  });

  test("runs what is deferred in order when the promise has settled, and says that it is free once", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.hold(promise, failed);
    for (const name of ["a", "b", "c"]) queue.defer(() => log.push(name));
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
    queue.hold(first.promise, failed);
    queue.defer(() => {
      log.push("a");
      queue.hold(second.promise, failed);
    });
    queue.defer(() => log.push("b"));
    first.open();
    await turns();
    expect(log).toEqual(["a"]);
    expect(queue.held).toBe(true);
    second.open();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("hands on what a promise rejects with before anything else runs", async () => {
    const { queue, log, failed } = recorded();
    const { promise, fail } = gate();
    queue.hold(promise, failed);
    queue.defer(() => log.push("a"));
    fail("reason");
    await turns();
    expect(log).toEqual(["failed reason", "a", "free"]);
  });

  test("waits for what is held by the answer to a rejection: nothing runs meanwhile, and all runs once", async () => {
    const { queue, log, failed } = recorded();
    const first = gate();
    const second = gate();
    queue.hold(first.promise, () => {
      log.push("failed");
      queue.hold(second.promise, failed);
    });
    queue.defer(() => log.push("a"));
    first.fail("reason");
    await turns();
    expect(log).toEqual(["failed"]);
    expect(queue.held).toBe(true);
    second.open();
    await turns();
    expect(log).toEqual(["failed", "a", "free"]);
  });

  test("runs what a task defers behind what is there already", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.hold(promise, failed);
    queue.defer(() => {
      log.push("a");
      queue.defer(() => log.push("c"));
    });
    queue.defer(() => log.push("b"));
    open();
    await turns();
    expect(log).toEqual(["a", "b", "c", "free"]);
  });

  test("does not run a task inside another", () => {
    const { queue, log } = recorded();
    queue.defer(() => {
      log.push("a");
      queue.goOn();
      log.push("still a");
    });
    queue.defer(() => log.push("b"));
    queue.goOn();
    expect(log).toEqual(["a", "still a", "b", "free"]);
  });

  test("is as deep in a long queue as in a short one", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.hold(promise, failed);
    let run = 0;
    for (let i = 0; i < 100_000; i++) {
      queue.defer(() => {
        run++;
        queue.goOn();
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
    queue.hold(twice, failed);
    queue.defer(() => {
      log.push("a");
      queue.hold(throwing, failed);
    });
    queue.defer(() => log.push("b"));
    await turns();
    expect(log).toEqual(["a", "failed thrown", "b", "free"]);
  });

  test("that is forced runs all at once, and the promise changes nothing when it settles", async () => {
    const { queue, log, failed } = recorded();
    const { promise, open } = gate();
    queue.hold(promise, failed);
    queue.defer(() => log.push("a"));
    queue.defer(() => log.push("b"));
    queue.force();
    expect(queue.held).toBe(false);
    expect(log).toEqual(["a", "b", "free"]);
    open();
    await turns();
    expect(log).toEqual(["a", "b", "free"]);
  });

  test("that is forced still hears of a rejection: it is not lost", async () => {
    const { queue, log, failed } = recorded();
    const { promise, fail } = gate();
    queue.hold(promise, failed);
    queue.force();
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
          queue.hold(start.promise, () => undefined);
          kinds.forEach((kind, i) => {
            queue.defer(() => {
              if (running.now > 0) log.push("overlap");
              log.push(`${i}`);
              if (kind === "sync") return;
              running.now++;
              queue.hold(
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
    queue.deferItem("a");
    queue.deferItem("b");
    queue.goOn();
    expect(log).toEqual(["asked", "a", "asked", "b", "free"]);
  });

  test("is waited for, and asked for again before the same item", async () => {
    const [first, second] = [gate(), gate()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.deferItem("a");
    queue.deferItem("b");
    queue.goOn();
    expect([log, queue.held, queue.waiting]).toEqual([["asked"], true, 2]);
    await turns();
    expect(log).toEqual(["asked"]);
    first.open();
    await turns();
    expect([log, queue.held, queue.waiting]).toEqual([["asked", "asked"], true, 2]);
    second.open();
    await turns();
    expect(log).toEqual(["asked", "asked", "asked", "a", "asked", "b", "free"]);
    expect([queue.held, queue.waiting]).toEqual([false, 0]);
  });

  test("between two items holds back the second alone", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([undefined, promise]);
    queue.deferItem("a");
    queue.deferItem("b");
    queue.goOn();
    expect([log, queue.waiting]).toEqual([["asked", "a", "asked"], 1]);
    open();
    await turns();
    expect(log).toEqual(["asked", "a", "asked", "asked", "b", "free"]);
  });

  test("is not asked for before a task: only what stands before that rests", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([promise]);
    queue.defer(() => log.push("task"));
    queue.goOn();
    expect(log).toEqual(["task", "free"]);
    queue.deferItem("a");
    queue.defer(() => log.push("behind"));
    queue.goOn();
    expect(log.slice(2)).toEqual(["asked"]);
    open();
    await turns();
    expect(log.slice(2)).toEqual(["asked", "asked", "a", "behind", "free"]);
  });

  test("that rejects is over as well: the next answer counts", async () => {
    const { promise, fail } = gate();
    const { queue, log } = resting([promise]);
    queue.deferItem("a");
    queue.goOn();
    fail("reason");
    await turns();
    expect(log).toEqual(["asked", "asked", "a", "free"]);
  });

  test("is no rest any more for a queue that is forced, once none is wanted", async () => {
    const { promise, open } = gate();
    const { queue, log } = resting([promise]);
    queue.deferItem("a");
    queue.deferItem("b");
    queue.goOn();
    queue.force();
    expect(log).toEqual(["asked", "asked", "a", "asked", "b", "free"]);
    open();
    await turns();
    expect(log).toHaveLength(6);
  });

  test("is waited for by a queue that is forced where one is still wanted", async () => {
    const [first, second] = [gate(), gate()];
    const { queue, log } = resting([first.promise, second.promise]);
    queue.deferItem("a");
    queue.goOn();
    queue.force();
    expect([log, queue.held]).toEqual([["asked", "asked"], true]);
    // The one that was given up changes nothing.
    first.open();
    await turns();
    expect([log, queue.held]).toEqual([["asked", "asked"], true]);
    queue.force();
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

describe("isThenable", () => {
  test.each([
    [Promise.resolve(), true],
    [{ then: () => undefined }, true],
    [{ then: "x" }, false],
    [{}, false],
    [null, false],
    [undefined, false],
    ["then", false],
    [7, false],
  ])("of %o is %s", (value, expected) => {
    expect(isThenable(value)).toBe(expected);
  });
});
