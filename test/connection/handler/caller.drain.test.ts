import { describe, expect, test } from "vitest";
import { Caller, type CallerHost, type Callbacks } from "../../../src/connection/handler/caller.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const FACE = { name: "the user's object" };
const TERMINATE = { type: "terminate", code: 1000, reason: undefined } as const;

/** A caller of a handler that writes down its calls. `onDrain`: what that does besides. */
function rig(onDrain: () => unknown = () => undefined, own: Partial<Callbacks> = {}) {
  const log: string[] = [];
  const reports: unknown[] = [];
  const host: CallerHost = {
    face: FACE,
    handlerFailed: () => log.push("failed"),
    report: (error, culprit) => {
      log.push(`report ${culprit}`);
      reports.push(error);
    },
    rest: () => undefined,
    settled: () => log.push("settled"),
  };
  const handler: Callbacks = {
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
  return { caller: new Caller(handler, host), log, reports };
}

function thrower(value: unknown): () => never {
  return () => {
    throw value;
  };
}

describe("onDrain", () => {
  test("gets the connection and its event, as a method of the handler", () => {
    const calls: unknown[][] = [];
    class Handler implements Callbacks {
      readonly name = "mine";
      onMessage(): void {}
      onDrain(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
    }
    const caller = new Caller(new Handler(), {
      face: FACE,
      handlerFailed() {},
      report() {},
      rest: () => undefined,
      settled() {},
    });
    caller.drain();
    expect(calls).toEqual([["mine", FACE, { type: "drain" }]]);
    expect(calls[0]![1]).toBe(FACE);
    expect(Object.isFrozen(calls[0]![2])).toBe(true);
  });

  test.each([undefined, null, "no function"])("may be missing: %o", (missing) => {
    const { caller, log } = rig(undefined, { onDrain: missing } as unknown as Partial<Callbacks>);
    caller.drain();
    caller.message("next");
    expect(log).toEqual(["next"]);
  });

  test("is called each time, at once where nothing is awaited", () => {
    const { caller, log } = rig();
    caller.drain();
    caller.message("a");
    caller.drain();
    expect(log).toEqual(["drain", "a", "drain"]);
    expect(caller.held).toBe(false);
  });

  test("is called in its order behind what is awaited", async () => {
    const { caller, log } = rig();
    const { promise, open } = gate();
    caller.message(() => promise);
    caller.message("a");
    caller.drain();
    caller.message("b");
    expect(log).toEqual(["call"]);
    open();
    await turns();
    expect(log).toEqual(["call", "a", "drain", "b", "settled"]);
  });

  test("is not called inside another callback, but when that has returned", () => {
    const { caller, log } = rig();
    caller.message(() => {
      caller.drain();
      log.push("returns");
    });
    expect(log).toEqual(["call", "returns", "drain", "settled"]);
  });

  test("is not called inside itself", () => {
    let times = 0;
    const { caller, log } = rig(() => {
      if (++times < 3) caller.drain();
      log.push("returns");
    });
    caller.drain();
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
    caller.drain();
    expect(caller.held).toBe(true);
    caller.message("a");
    caller.terminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["drain"]);
    open();
    await turns();
    expect(log).toEqual(["drain", "a", "terminate", "over", "settled"]);
  });

  test.each(["throws", "rejects"])("that %s has onError told and the connection closed", async (how) => {
    const oops = new Error("oops");
    const { caller, log } = rig(how === "throws" ? thrower(oops) : () => Promise.reject(oops));
    caller.drain();
    await turns();
    caller.drain();
    caller.message("not delivered");
    expect(log.filter((line) => line !== "settled")).toEqual(["drain", "error oops", "failed"]);
  });

  test("is not called any more once the caller is deaf, though it was due before", async () => {
    const { caller, log } = rig();
    const { promise, open } = gate();
    caller.message(() => promise);
    caller.drain();
    caller.deafen();
    open();
    await turns();
    caller.drain();
    caller.terminate(TERMINATE, () => log.push("over"));
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "terminate", "over"]);
  });
});

describe("waiting", () => {
  test("is nothing where no callback is awaited", () => {
    const { caller } = rig();
    expect(caller.waiting).toBe(0);
    caller.message("a");
    caller.drain();
    expect(caller.waiting).toBe(0);
  });

  test("is the number of calls behind the one that is awaited, of whatever kind", async () => {
    const { caller } = rig();
    const [first, second] = [gate(), gate()];
    caller.message(() => first.promise);
    expect(caller.waiting).toBe(0);
    caller.message("a");
    caller.drain();
    caller.message(() => second.promise);
    caller.message("b");
    caller.error(new Error("e"));
    expect(caller.waiting).toBe(5);
    first.open();
    await turns();
    expect(caller.waiting).toBe(2);
    second.open();
    await turns();
    expect(caller.waiting).toBe(0);
  });

  test("counts what came while a callback is on the stack", () => {
    const { caller } = rig();
    const seen: number[] = [];
    caller.message(() => {
      caller.message("a");
      caller.message("b");
      seen.push(caller.waiting);
    });
    expect([seen, caller.waiting]).toEqual([[2], 0]);
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
  const caller = new Caller(handler, {
    face: undefined,
    handlerFailed: () => told.push("failed"),
    report: (error) => told.push((error as Error).message),
    rest: () => undefined,
    settled: () => undefined,
  });
  caller.drain();
  expect(told).toEqual(["unreadable", "failed"]);
});

test("however often there was room while the handler was busy, it hears of it once", async () => {
  const heard: string[] = [];
  let settle: () => void = () => undefined;
  const busy = new Promise<void>((resolve) => (settle = resolve));
  const caller = new Caller(
    { onMessage: () => busy, onDrain: () => heard.push("drain") },
    {
      face: undefined,
      handlerFailed: () => undefined,
      report: () => undefined,
      rest: () => undefined,
      settled: () => heard.push("settled"),
    },
  );
  caller.message("x");
  for (let i = 0; i < 100; i++) caller.drain();
  expect(caller.waiting).toBe(1);
  settle();
  await expect.poll(() => heard).toEqual(["drain", "settled"]);
});
