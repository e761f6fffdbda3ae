import { describe, expect, test } from "vitest";
import {
  HandlerDispatcher,
  type DispatcherHost,
  type HandlerCallbacks,
} from "../../../src/connection/dispatch/handler-dispatcher.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const FACE = { name: "the user's object" };
const TERMINATE = { type: "terminate", code: 1000, reason: undefined } as const;

/** A caller of a handler that writes down its calls. `onDrain`: what that does besides. */
function rig(onDrain: () => unknown = () => undefined, own: Partial<HandlerCallbacks> = {}) {
  const log: string[] = [];
  const reports: unknown[] = [];
  const host: DispatcherHost = {
    publicConnection: FACE,
    onHandlerFailed: () => log.push("failed"),
    reportError: (error, culprit) => {
      log.push(`report ${culprit}`);
      reports.push(error);
    },
    onHandlerIdle: () => log.push("settled"),
  };
  const handler: HandlerCallbacks = {
    onMessage: (_face, event) => {
      const { data } = event as { data: unknown };
      log.push(typeof data === "string" ? data : "call");
      return typeof data === "function" ? (data as () => unknown)() : undefined;
    },
    onDrain: () => {
      log.push("drain");
      return onDrain();
    },
    onError: (_face, event) => {
      log.push(`error ${String((event as { errors: { message: string }[] }).errors[0]?.message)}`);
    },
    onTerminate: () => void log.push("terminate"),
    ...own,
  };
  return { caller: new HandlerDispatcher(handler, host), log, reports };
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
    const caller = new HandlerDispatcher(new Handler(), {
      publicConnection: FACE,
      onHandlerFailed() {},
      reportError() {},
      onHandlerIdle() {},
    });
    caller.dispatchDrain();
    expect(calls).toEqual([["mine", FACE, { type: "drain" }]]);
    expect(calls[0]![1]).toBe(FACE);
    expect(Object.isFrozen(calls[0]![2])).toBe(true);
  });

  test.each([undefined, null, "no function"])("may be missing: %o", (missing) => {
    const { caller, log } = rig(undefined, { onDrain: missing } as unknown as Partial<HandlerCallbacks>);
    caller.dispatchDrain();
    caller.dispatchMessage("next");
    expect(log).toEqual(["next"]);
  });

  test("is called each time, at once where nothing is awaited", () => {
    const { caller, log } = rig();
    caller.dispatchDrain();
    caller.dispatchMessage("a");
    caller.dispatchDrain();
    expect(log).toEqual(["drain", "a", "drain"]);
    expect(caller.isBusy).toBe(false);
  });

  test("is called in its order behind what is awaited", async () => {
    const { caller, log } = rig();
    const { promise, open } = gate();
    caller.dispatchMessage(() => promise);
    caller.dispatchMessage("a");
    caller.dispatchDrain();
    caller.dispatchMessage("b");
    expect(log).toEqual(["call"]);
    open();
    await turns();
    expect(log).toEqual(["call", "a", "drain", "b", "settled"]);
  });

  test("is not called inside another callback, but when that has returned", () => {
    const { caller, log } = rig();
    caller.dispatchMessage(() => {
      caller.dispatchDrain();
      log.push("returns");
    });
    expect(log).toEqual(["call", "returns", "drain", "settled"]);
  });

  test("is not called inside itself", () => {
    let times = 0;
    const { caller, log } = rig(() => {
      if (++times < 3) caller.dispatchDrain();
      log.push("returns");
    });
    caller.dispatchDrain();
    expect(log.filter((line) => line !== "settled")).toEqual([
      "drain",
      "returns",
      "drain",
      "returns",
      "drain",
      "returns",
    ]);
  });

  test("that returns a promise holds back what follows", async () => {
    const { promise, open } = gate();
    const { caller, log } = rig(() => promise);
    caller.dispatchDrain();
    expect(caller.isBusy).toBe(true);
    caller.dispatchMessage("a");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["drain"]);
    open();
    await turns();
    expect(log).toEqual(["drain", "a", "terminate", "over", "settled"]);
  });

  test.each(["throws", "rejects"])("that %s has onError told and the connection closed", async (how) => {
    const oops = new Error("oops");
    const { caller, log } = rig(how === "throws" ? thrower(oops) : () => Promise.reject(oops));
    caller.dispatchDrain();
    await turns();
    caller.dispatchDrain();
    caller.dispatchMessage("not delivered");
    expect(log.filter((line) => line !== "settled")).toEqual(["drain", "error oops", "failed"]);
  });

  test("is not called any more once the caller is deaf, though it was due before", async () => {
    const { caller, log } = rig();
    const { promise, open } = gate();
    caller.dispatchMessage(() => promise);
    caller.dispatchDrain();
    caller.stopDelivery();
    open();
    await turns();
    caller.dispatchDrain();
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "terminate", "over"]);
  });
});

describe("waiting", () => {
  test("is nothing where no callback is awaited", () => {
    const { caller } = rig();
    expect(caller.queuedCount).toBe(0);
    caller.dispatchMessage("a");
    caller.dispatchDrain();
    expect(caller.queuedCount).toBe(0);
  });

  test("is the number of calls behind the one that is awaited, of whatever kind", async () => {
    const { caller } = rig();
    const [first, second] = [gate(), gate()];
    caller.dispatchMessage(() => first.promise);
    expect(caller.queuedCount).toBe(0);
    caller.dispatchMessage("a");
    caller.dispatchDrain();
    caller.dispatchMessage(() => second.promise);
    caller.dispatchMessage("b");
    caller.dispatchError(new Error("e"));
    expect(caller.queuedCount).toBe(5);
    first.open();
    await turns();
    expect(caller.queuedCount).toBe(2);
    second.open();
    await turns();
    expect(caller.queuedCount).toBe(0);
  });

  test("counts what came while a callback is on the stack", () => {
    const { caller } = rig();
    const seen: number[] = [];
    caller.dispatchMessage(() => {
      caller.dispatchMessage("a");
      caller.dispatchMessage("b");
      seen.push(caller.queuedCount);
    });
    expect([seen, caller.queuedCount]).toEqual([[2], 0]);
  });
});

test("a handler whose onDrain cannot be read fails alone: nothing is thrown at whoever had the news", () => {
  const told: unknown[] = [];
  const handler = {
    onMessage: () => undefined,
    get onDrain(): never {
      throw new Error("unreadable");
    },
  };
  const caller = new HandlerDispatcher(handler, {
    publicConnection: undefined,
    onHandlerFailed: () => told.push("failed"),
    reportError: (error) => told.push((error as Error).message),
    onHandlerIdle: () => undefined,
  });
  caller.dispatchDrain();
  expect(told).toEqual(["unreadable", "failed"]);
});

test("however often there was room while the handler was busy, it hears of it once", async () => {
  const heard: string[] = [];
  let settle: () => void = () => undefined;
  const busy = new Promise<void>((resolve) => (settle = resolve));
  const caller = new HandlerDispatcher(
    { onMessage: () => busy, onDrain: () => heard.push("drain") },
    {
      publicConnection: undefined,
      onHandlerFailed: () => undefined,
      reportError: () => undefined,
      onHandlerIdle: () => heard.push("settled"),
    },
  );
  caller.dispatchMessage("x");
  for (let i = 0; i < 100; i++) caller.dispatchDrain();
  expect(caller.queuedCount).toBe(1);
  settle();
  await expect.poll(() => heard).toEqual(["drain", "settled"]);
});
