import { describe, expect, test } from "vitest";
import { signalOf } from "../../../src/connection/dispatch/close-signal.ts";
import type { Task } from "../../../src/connection/dispatch/tasks.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import { Session, type SessionOptions, close, deferred, text } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** As `ws.waitUntil` does. */
function waitUntil(connection: Connection, task: Task): boolean {
  return connection.dispatcher.waitUntil(task, connection.status !== "Connected");
}

/** A session that has a task. */
function working(task: Task, options: SessionOptions = {}): Session {
  const session = new Session({}, options);
  waitUntil(session.connection, task);
  return session;
}

/** The peer closes, and its stream ends. */
async function leave(session: Session): Promise<void> {
  session.receive(close(1000));
  session.stream.arriveEnd();
  await turns();
}

const OPEN = ["open"];
const TERMINATE = ["terminate", 1000, undefined, "Closed"];

describe("a task", () => {
  test("does not hold back messages", async () => {
    const session = working(new Promise(() => undefined));
    session.receive(text("a"), text("b"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["message", "b"]]);
  });

  test("is waited for by onTerminate", async () => {
    const { promise, resolve } = deferred();
    const session = working(promise);
    await leave(session);
    expect([session.calls, session.connection.status]).toEqual([[OPEN], "Closed"]);
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, TERMINATE]);
    expect(session.told).toEqual(["left", "finished"]);
    expect(session.settings.taskCounters.unfinished).toBe(0);
  });

  test("that does not settle is waited for until closeTimeout, and counted", async () => {
    const { promise, reject } = deferred();
    const session = working(promise, { closeTimeout: 20 });
    await leave(session);
    expect(session.calls).toEqual([OPEN]);
    await expect.poll(() => session.calls.length).toBe(2);
    expect(session.calls).toEqual([OPEN, TERMINATE]);
    expect(session.settings.taskCounters.unfinished).toBe(1);
    // Its failure is not lost.
    reject(new Error("late"));
    await turns();
    expect([session.calls, session.reported]).toMatchObject([[OPEN, TERMINATE], [{ message: "late" }]]);
  });

  test("is waited for no more when the server's time is over", async () => {
    for (const before of [false, true]) {
      const session = working(new Promise(() => undefined));
      if (!before) await leave(session);
      session.connection.destroy();
      await turns();
      expect(session.calls.map(([name]) => name)).toEqual(["open", "terminate"]);
      expect(session.settings.taskCounters.unfinished).toBe(1);
    }
  });

  test("that fails is the failure of a callback: close 1011 at once, onError after the callback that runs", async () => {
    const [message, task] = [deferred(), deferred()];
    const session = new Session({ message: () => message.promise });
    waitUntil(session.connection, task.promise);
    session.receive(text("a"), text("b"));
    await turns();
    task.reject(new Error("mine"));
    await turns();
    expect(session.sent).toEqual([["close", "1011"]]);
    expect(session.calls).toEqual([OPEN, ["message", "a"]]);
    message.resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["error", 301]]);
    await leave(session);
    expect(session.calls.at(-1)).toEqual(TERMINATE);
  });

  test("that fails while onTerminate waits for it has its onError before", async () => {
    const [task, handled] = [deferred(), deferred()];
    const session = new Session({ error: () => handled.promise });
    waitUntil(session.connection, task.promise);
    await leave(session);
    task.reject(new Error("mine"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 301]]);
    handled.resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 301], TERMINATE]);
  });

  test("whose function throws has failed, also inside a callback", async () => {
    const session = new Session({
      message: (ws) => {
        waitUntil(ws, () => {
          throw new Error("mine");
        });
      },
    });
    session.receive(text("a"), text("b"));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["message", "b"], ["error", 301]]);
    expect(session.sent).toEqual([["close", "1011"]]);
  });

  test.each([
    ["reason", (signal: AbortSignal): unknown => signal.reason],
    ["AbortError", (): unknown => new DOMException("This operation was aborted", "AbortError")],
  ])("that rejects with the %s of its signal has not failed", async (_with, errorOf) => {
    const session = working(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(errorOf(signal) as Error));
        }),
    );
    await leave(session);
    expect(session.calls).toEqual([OPEN, TERMINATE]);
    expect([session.sent, session.reported]).toEqual([[["close", "1000"]], []]);
  });

  test("gets the connection's signal", async () => {
    const signals: AbortSignal[] = [];
    const session = working(async (signal) => void signals.push(signal));
    expect(signals).toEqual([signalOf(session.connection, false)]);
  });
});

describe("when closing has begun", () => {
  test("a function is not called", async () => {
    const session = new Session();
    session.connection.close(1000);
    let called = false;
    expect(waitUntil(session.connection, async () => void (called = true))).toBe(false);
    expect(called).toBe(false);
  });

  test("a promise is still waited for, until onTerminate is called", async () => {
    const [one, other] = [deferred(), deferred()];
    const results: boolean[] = [];
    const session = new Session({ terminate: (ws) => void results.push(waitUntil(ws, other.promise)) });
    session.connection.close(1000);
    results.push(waitUntil(session.connection, one.promise));
    await leave(session);
    expect(session.calls).toEqual([OPEN]);
    one.resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, TERMINATE]);
    expect([results, session.told]).toEqual([
      [true, false],
      ["left", "finished"],
    ]);
    other.reject(new Error("late"));
    await turns();
    expect(session.reported).toMatchObject([{ message: "late" }]);
  });
});

describe("the busy callback", () => {
  test("is the one that is awaited while calls wait for it", async () => {
    const names: (string | undefined)[] = [];
    const deferreds = [deferred(), deferred(), deferred()];
    const [opening, message, last] = deferreds as [(typeof deferreds)[0], (typeof deferreds)[0], (typeof deferreds)[0]];
    const session = new Session({
      open: () => opening.promise,
      message: () => message.promise,
      terminate: () => last.promise,
    });
    const note = (): unknown => names.push(session.connection.dispatcher.busyCallback?.name);
    note();
    session.receive(text("a"));
    await turns();
    note();
    opening.resolve();
    await turns();
    note();
    await leave(session);
    note();
    message.resolve();
    await turns();
    note();
    last.resolve();
    await turns();
    note();
    expect(names).toEqual([undefined, "onOpen", undefined, "onMessage", "onTerminate", undefined]);
  });
});
