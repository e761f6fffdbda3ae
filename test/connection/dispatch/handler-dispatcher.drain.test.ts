import { describe, expect, test } from "vitest";
import type { DispatcherOwner } from "../../../src/connection/dispatch/dispatcher-owner.ts";
import type { HandlerCallbacks } from "../../../src/connection/dispatch/handler-callbacks.ts";
import { HandlerDispatcher } from "../../../src/connection/dispatch/handler-dispatcher.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const PUBLIC_CONNECTION = { name: "the user's object" };
const TERMINATE = { type: "terminate", code: 1000, reason: undefined, initiator: "peer", cause: undefined } as const;

/** A dispatcher with a handler that records its calls. `onDrain`: what else that does. */
function rig(onDrain: () => unknown = () => undefined, own: Partial<HandlerCallbacks> = {}) {
  const log: string[] = [];
  const reports: unknown[] = [];
  const host: DispatcherOwner = {
    publicConnection: PUBLIC_CONNECTION,
    status: "Connected",
    settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
    onUndecodable: () => undefined,
    onHandlerFailed: () => log.push("failed"),
    reportError: (error, source) => {
      log.push(`report ${source}`);
      reports.push(error);
    },
    readFlow: { onHandlerIdle: () => void log.push("settled"), isFull: false, noteDelivered: () => undefined },
  };
  const handler: HandlerCallbacks = {
    onMessage: (_ws, event) => {
      const { data } = event as { data: unknown };
      log.push(typeof data === "string" ? data : "call");
      return typeof data === "function" ? (data as () => unknown)() : undefined;
    },
    onDrain: () => {
      log.push("drain");
      return onDrain();
    },
    onError: (_ws, event) => {
      log.push(`error ${String((event as { errors: { message: string }[] }).errors[0]?.message)}`);
    },
    onTerminate: () => void log.push("terminate"),
    ...own,
  };
  return { dispatcher: new HandlerDispatcher(handler, host), log, reports };
}

function thrower(value: unknown): () => never {
  return () => {
    throw value;
  };
}

describe("onDrain", () => {
  test("gets the connection and its event, as a method of the handler", () => {
    const calls: unknown[][] = [];
    class Handler implements HandlerCallbacks {
      readonly name = "mine";
      onMessage(): void {}
      onDrain(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
    }
    const dispatcher = new HandlerDispatcher(new Handler(), {
      publicConnection: PUBLIC_CONNECTION,
      status: "Connected",
      settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
      onUndecodable: () => undefined,
      onHandlerFailed() {},
      reportError() {},
      readFlow: undefined,
    });
    dispatcher.dispatchDrain();
    expect(calls).toEqual([["mine", PUBLIC_CONNECTION, { type: "drain" }]]);
    expect(calls[0]![1]).toBe(PUBLIC_CONNECTION);
    expect(Object.isFrozen(calls[0]![2])).toBe(true);
  });

  test.each([undefined, null, "no function"])("may be missing: %o", (missing) => {
    const { dispatcher, log } = rig(undefined, { onDrain: missing } as unknown as Partial<HandlerCallbacks>);
    dispatcher.dispatchDrain();
    dispatcher.dispatchMessage("next");
    expect(log).toEqual(["next"]);
  });

  test("is called each time, at once when nothing is awaited", () => {
    const { dispatcher, log } = rig();
    dispatcher.dispatchDrain();
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchDrain();
    expect(log).toEqual(["drain", "a", "drain"]);
    expect(dispatcher.isBusy).toBe(false);
  });

  test("is called in its order after the awaited callback", async () => {
    const { dispatcher, log } = rig();
    const { promise, resolve } = deferred();
    dispatcher.dispatchMessage(() => promise);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchDrain();
    dispatcher.dispatchMessage("b");
    expect(log).toEqual(["call"]);
    resolve();
    await turns();
    expect(log).toEqual(["call", "a", "drain", "b", "settled"]);
  });

  test("is not called inside another callback, but when it has returned", () => {
    const { dispatcher, log } = rig();
    dispatcher.dispatchMessage(() => {
      dispatcher.dispatchDrain();
      log.push("returns");
    });
    expect(log).toEqual(["call", "returns", "drain", "settled"]);
  });

  test("is not called inside itself", () => {
    let times = 0;
    const { dispatcher, log } = rig(() => {
      if (++times < 3) dispatcher.dispatchDrain();
      log.push("returns");
    });
    dispatcher.dispatchDrain();
    expect(log.filter((line) => line !== "settled")).toEqual([
      "drain",
      "returns",
      "drain",
      "returns",
      "drain",
      "returns",
    ]);
  });

  test("that returns a promise delays what follows", async () => {
    const { promise, resolve } = deferred();
    const { dispatcher, log } = rig(() => promise);
    dispatcher.dispatchDrain();
    expect(dispatcher.isBusy).toBe(true);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["drain"]);
    resolve();
    await turns();
    expect(log).toEqual(["drain", "a", "terminate", "over", "settled"]);
  });

  test.each(["throws", "rejects"])("that %s calls onError and closes the connection", async (how) => {
    const oops = new Error("oops");
    const { dispatcher, log } = rig(how === "throws" ? thrower(oops) : () => Promise.reject(oops));
    dispatcher.dispatchDrain();
    await turns();
    dispatcher.dispatchDrain();
    dispatcher.dispatchMessage("not delivered");
    expect(log.filter((line) => line !== "settled")).toEqual(["drain", "error oops", "failed"]);
  });

  test("is not called after delivery was stopped, though it was due before", async () => {
    const { dispatcher, log } = rig();
    const { promise, resolve } = deferred();
    dispatcher.dispatchMessage(() => promise);
    dispatcher.dispatchDrain();
    dispatcher.stopDelivery();
    resolve();
    await turns();
    dispatcher.dispatchDrain();
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "terminate", "over"]);
  });
});

describe("waiting", () => {
  test("is 0 when no callback is awaited", () => {
    const { dispatcher } = rig();
    expect(dispatcher.queuedCount).toBe(0);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchDrain();
    expect(dispatcher.queuedCount).toBe(0);
  });

  test("is the number of calls after the awaited one, of any kind", async () => {
    const { dispatcher } = rig();
    const [first, second] = [deferred(), deferred()];
    dispatcher.dispatchMessage(() => first.promise);
    expect(dispatcher.queuedCount).toBe(0);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchDrain();
    dispatcher.dispatchMessage(() => second.promise);
    dispatcher.dispatchMessage("b");
    dispatcher.dispatchError(new Error("e"));
    expect(dispatcher.queuedCount).toBe(5);
    first.resolve();
    await turns();
    expect(dispatcher.queuedCount).toBe(2);
    second.resolve();
    await turns();
    expect(dispatcher.queuedCount).toBe(0);
  });

  test("counts the calls that come while a callback is on the stack", () => {
    const { dispatcher } = rig();
    const seen: number[] = [];
    dispatcher.dispatchMessage(() => {
      dispatcher.dispatchMessage("a");
      dispatcher.dispatchMessage("b");
      seen.push(dispatcher.queuedCount);
    });
    expect([seen, dispatcher.queuedCount]).toEqual([[2], 0]);
  });
});

test("a handler whose onDrain cannot be read fails alone: nothing is thrown to the code that reports the drain", () => {
  const told: unknown[] = [];
  const handler = {
    onMessage: () => undefined,
    get onDrain(): never {
      throw new Error("unreadable");
    },
  };
  const dispatcher = new HandlerDispatcher(handler, {
    publicConnection: undefined,
    status: "Connected",
    settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
    onUndecodable: () => undefined,
    onHandlerFailed: () => told.push("failed"),
    reportError: (error) => told.push((error as Error).message),
    readFlow: undefined,
  });
  dispatcher.dispatchDrain();
  expect(told).toEqual(["unreadable", "failed"]);
});

test("several drains while the handler is pending are one onDrain", async () => {
  const heard: string[] = [];
  let settle: () => void = () => undefined;
  const busy = new Promise<void>((resolve) => (settle = resolve));
  const dispatcher = new HandlerDispatcher(
    { onMessage: () => busy, onDrain: () => heard.push("drain") },
    {
      publicConnection: undefined,
      status: "Connected",
      settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
      onUndecodable: () => undefined,
      onHandlerFailed: () => undefined,
      reportError: () => undefined,
      readFlow: { onHandlerIdle: () => void heard.push("settled"), isFull: false, noteDelivered: () => undefined },
    },
  );
  dispatcher.dispatchMessage("x");
  for (let i = 0; i < 100; i++) dispatcher.dispatchDrain();
  expect(dispatcher.queuedCount).toBe(1);
  settle();
  await expect.poll(() => heard).toEqual(["drain", "settled"]);
});
