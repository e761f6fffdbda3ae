import { describe, expect, test, vi } from "vitest";
import {
  HandlerDispatcher,
  type DispatcherHost,
  type HandlerCallbacks,
} from "../../../src/connection/dispatch/handler-dispatcher.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const FACE = { name: "the user's object" };
const TERMINATE = { type: "terminate", code: 1000, reason: undefined } as const;

interface Rig {
  readonly caller: HandlerDispatcher;
  readonly log: string[];
  readonly reports: unknown[];
}

/** A caller whose host writes down what it is told, in the same log as the handler. */
function rig(make: (log: string[]) => HandlerCallbacks): Rig {
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
  return { caller: new HandlerDispatcher(make(log), host), log, reports };
}

/** Writes all calls down. What a message says decides what `onMessage` does. */
function scripted(log: string[]): Required<HandlerCallbacks> {
  return {
    onOpen: () => void log.push("open"),
    onMessage: (_face, event) => {
      const { data } = event as { data: unknown };
      log.push(typeof data === "string" ? data : "call");
      return typeof data === "function" ? (data as () => unknown)() : undefined;
    },
    onError: (_face, event) => {
      log.push(`error ${(event as { errors: { message: string }[] }).errors[0]?.message}`);
    },
    onDrain: () => void log.push("drain"),
    onTerminate: (_face, event) => void log.push(`terminate ${(event as { code: number }).code}`),
  };
}

function thrower(value: unknown): () => never {
  return () => {
    throw value;
  };
}

async function rejected(value: unknown): Promise<never> {
  throw value;
}

describe("callbacks", () => {
  // shows 4D-2-open, 4D-2-message
  test("get the connection and their event, as methods of the handler", () => {
    const calls: unknown[][] = [];
    class Handler implements HandlerCallbacks {
      readonly name = "mine";
      onOpen(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
      onMessage(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
      onError(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
      onTerminate(...all: unknown[]): void {
        calls.push([this.name, ...all]);
      }
    }
    const { caller } = rig(() => new Handler());
    const error = new HawserError("HWS_SEND_QUEUE_FULL");
    caller.dispatchOpen();
    caller.dispatchMessage("data");
    caller.dispatchError(error);
    caller.dispatchTerminate(TERMINATE, () => undefined);
    expect(calls).toEqual([
      ["mine", FACE, { type: "open" }],
      ["mine", FACE, { type: "message", data: "data" }],
      ["mine", FACE, { type: "error", errors: [expect.objectContaining({ cause: error })] }],
      ["mine", FACE, TERMINATE],
    ]);
    expect(calls.every((call) => call[1] === FACE)).toBe(true);
  });

  // shows 4D-2-shared
  test("of one frozen handler serve several connections: nothing is written on it", async () => {
    const shared = Object.freeze(scripted([]));
    const rigs = [rig(() => shared), rig(() => shared)];
    for (const { caller } of rigs) {
      caller.dispatchOpen();
      caller.dispatchMessage(() => Promise.resolve());
      caller.dispatchMessage(thrower(new Error("x")));
      caller.dispatchTerminate(TERMINATE, () => undefined);
    }
    await turns();
    for (const { log, caller } of rigs) {
      expect(log).toContain("failed");
      expect(caller.handler).toBe(shared);
    }
  });

  // shows 4D-2-any
  test("may be missing, but for onMessage", () => {
    const { caller, log, reports } = rig((all) => ({ onMessage: () => void all.push("message") }));
    const error = new HawserError("HWS_SEND_QUEUE_FULL");
    caller.dispatchOpen();
    caller.dispatchMessage("x");
    caller.dispatchError(error);
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log).toEqual(["message", "report library", "over"]);
    expect(reports).toEqual([error]);
  });

  test("that come while another has not settled are looked up on the handler when they are called", async () => {
    const handler: HandlerCallbacks = { onMessage: () => undefined };
    const { caller, log } = rig((all) => {
      handler.onMessage = () => {
        all.push("first");
        handler.onMessage = () => void all.push("second");
      };
      return handler;
    });
    caller.dispatchMessage(1);
    caller.dispatchMessage(2);
    expect(log).toEqual(["first", "second"]);
  });

  test("that are null count as missing: an error is reported, not lost", () => {
    const { caller, reports } = rig(() => ({ onMessage: thrower("x"), onError: null }) as unknown as HandlerCallbacks);
    caller.dispatchMessage("x");
    expect(reports).toEqual(["x"]);
  });
});

describe("synchronous callbacks", () => {
  // shows 4D-4-sync
  test("meet no promise: a thousand messages are delivered within the call", () => {
    const { caller, log } = rig(scripted);
    const then = vi.spyOn(Promise.prototype, "then");
    for (let i = 0; i < 1000; i++) caller.dispatchMessage(`${i}`);
    const promises = then.mock.calls.length;
    then.mockRestore();
    expect(log).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(promises).toBe(0);
    expect(caller.isBusy).toBe(false);
  });

  test.each([null, 0, "", true, {}, { then: 1 }, () => undefined])(
    "may return anything that is no promise: %o",
    (value) => {
      const { caller, log } = rig(scripted);
      caller.dispatchMessage(() => value);
      caller.dispatchMessage("next");
      expect(log).toEqual(["call", "next"]);
    },
  );
});

describe("asynchronous callbacks", () => {
  // shows 4D-4-async, 4D-4-one-at-a-time
  test("hold back all that comes after them, in order", async () => {
    const { caller, log } = rig(scripted);
    const first = gate();
    const second = gate();
    caller.dispatchMessage(() => first.promise);
    caller.dispatchMessage("b");
    caller.dispatchMessage(() => second.promise);
    caller.dispatchError(new Error("e"));
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["call"]);
    expect(caller.isBusy).toBe(true);
    first.open();
    await turns();
    expect(log).toEqual(["call", "b", "call"]);
    second.open();
    await turns();
    expect(log).toEqual(["call", "b", "call", "error e", "terminate 1000", "over", "settled"]);
  });

  test("hold back what is only to be done in order", async () => {
    const { caller, log } = rig(scripted);
    const { promise, open } = gate();
    caller.runInOrder(() => log.push("at once"));
    caller.dispatchMessage(() => promise);
    caller.runInOrder(() => log.push("later"));
    expect(log).toEqual(["at once", "call"]);
    open();
    await turns();
    expect(log).toEqual(["at once", "call", "later", "settled"]);
  });

  test("may be thenables that are no promises", async () => {
    const { caller, log } = rig(scripted);
    let settle = (): void => {};
    caller.dispatchMessage(() => ({ then: (done: () => void) => (settle = done) }));
    caller.dispatchMessage("next");
    await turns();
    expect(log).toEqual(["call"]);
    settle();
    await turns();
    expect(log).toEqual(["call", "next", "settled"]);
  });

  test("of onOpen and of onTerminate are waited for too", async () => {
    const opened = gate();
    const closed = gate();
    const { caller, log } = rig((all) => ({
      ...scripted(all),
      onOpen: () => opened.promise,
      onTerminate: () => closed.promise,
    }));
    caller.dispatchOpen();
    caller.dispatchMessage("a");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual([]);
    opened.open();
    await turns();
    expect(log).toEqual(["a"]);
    closed.open();
    await turns();
    expect(log).toEqual(["a", "over", "settled"]);
  });

  test("that reject are followed by an asynchronous onError before anything else", async () => {
    const told = gate();
    const { caller, log } = rig((all) => ({
      ...scripted(all),
      onError: () => {
        all.push("error");
        return told.promise;
      },
    }));
    caller.dispatchMessage(() => Promise.reject(new Error("x")));
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["call", "error", "failed"]);
    told.open();
    await turns();
    expect(log).toEqual(["call", "error", "failed", "terminate 1000", "over", "settled"]);
  });
});

describe("a callback on the stack", () => {
  // shows 4D-4-one-at-a-time
  test("returns before what it caused is told", () => {
    const { caller, log } = rig(scripted);
    caller.dispatchMessage(() => {
      caller.dispatchMessage("inside");
      caller.dispatchError(new Error("queue full"));
      caller.dispatchTerminate(TERMINATE, () => log.push("over"));
      log.push("returns");
    });
    expect(log).toEqual(["call", "returns", "inside", "error queue full", "terminate 1000", "over", "settled"]);
  });

  test("is waited for before what it caused is told, where it is asynchronous", async () => {
    const { caller, log } = rig(scripted);
    caller.dispatchMessage(async () => {
      caller.dispatchError(new Error("queue full"));
      await turns();
      log.push("returns");
    });
    await turns(10);
    expect(log).toEqual(["call", "returns", "error queue full", "settled"]);
  });

  test("of any kind counts: onOpen, onError", () => {
    let caused = 0;
    const { caller, log } = rig((all) => ({
      ...scripted(all),
      onOpen: () => {
        caller.runInOrder(() => all.push("after open"));
        all.push("open returns");
      },
      onError: () => {
        caused++;
        caller.runInOrder(() => all.push("after error"));
        all.push("error returns");
      },
    }));
    caller.dispatchOpen();
    caller.dispatchError(new Error("x"));
    expect(caused).toBe(1);
    expect(log.filter((line) => line !== "settled")).toEqual([
      "open returns",
      "after open",
      "error returns",
      "after error",
    ]);
  });
});

describe("a callback that throws", () => {
  // shows 4D-2-throws, 4D-2-error
  test.each([
    ["an error", new Error("oops"), "oops"],
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["a string", "text", "text"],
  ])("%s has onError told and the connection closed", async (_name, thrown, message) => {
    for (const fail of [thrower(thrown), () => rejected(thrown)]) {
      const { caller, log } = rig(scripted);
      caller.dispatchMessage(fail);
      caller.dispatchMessage("not delivered");
      await turns();
      caller.dispatchMessage("nor this");
      expect(log.filter((line) => line !== "settled")).toEqual(["call", `error ${message}`, "failed"]);
    }
  });

  test("in onOpen does the same", () => {
    const { caller, log } = rig((all) => ({ ...scripted(all), onOpen: thrower(new Error("oops")) }));
    caller.dispatchOpen();
    caller.dispatchMessage("not delivered");
    expect(log).toEqual(["error oops", "failed"]);
  });

  test("by a getter named then does the same", () => {
    const { caller, log } = rig(scripted);
    caller.dispatchMessage(() => ({
      get then(): never {
        throw new Error("then");
      },
    }));
    expect(log).toEqual(["call", "error then", "failed"]);
  });

  test("without an onError is reported as the handler's", () => {
    const { caller, log, reports } = rig(() => ({ onMessage: thrower("x") }));
    caller.dispatchMessage("x");
    expect(log).toEqual(["report handler", "failed"]);
    expect(reports).toEqual(["x"]);
  });

  // shows 4D-2-error
  test("a second time is reported: onError is told once", () => {
    const { caller, log, reports } = rig(scripted);
    caller.dispatchMessage(thrower(new Error("first")));
    const second = new Error("second");
    caller.dispatchError(second);
    expect(log).toEqual(["call", "error first", "failed", "report library"]);
    expect(reports).toEqual([second]);
  });

  test.each(["throws", "rejects"])(
    "and then in onError, which %s, is reported, and nothing is told twice",
    async (how) => {
      const second = new Error("in onError");
      const { caller, log, reports } = rig((all) => ({
        ...scripted(all),
        onError: () => {
          all.push("error");
          if (how === "throws") throw second;
          return Promise.reject(second);
        },
      }));
      caller.dispatchMessage(thrower(new Error("first")));
      caller.dispatchTerminate(TERMINATE, () => log.push("over"));
      await turns();
      expect(log.filter((line) => line === "error")).toHaveLength(1);
      expect(log.filter((line) => line !== "settled").slice(-2)).toEqual(["terminate 1000", "over"]);
      expect(log).toContain("failed");
      expect(reports).toEqual([second]);
    },
  );

  test.each(["throws", "rejects"])(
    "in onTerminate, which %s, is reported, and the connection is over all the same",
    async (how) => {
      const thrown = new Error("in onTerminate");
      const { caller, log, reports } = rig((all) => ({
        ...scripted(all),
        onTerminate: how === "throws" ? thrower(thrown) : () => Promise.reject(thrown),
      }));
      caller.dispatchTerminate(TERMINATE, () => log.push("over"));
      await turns();
      expect(log.filter((line) => line !== "settled")).toEqual(["report handler", "over"]);
      expect(reports).toEqual([thrown]);
    },
  );
});

describe("a deaf caller", () => {
  test("delivers no message, not even those that wait, but tells the end", async () => {
    const { caller, log } = rig(scripted);
    const { promise, open } = gate();
    caller.dispatchMessage(() => promise);
    caller.dispatchMessage("waits");
    caller.stopDelivery();
    caller.dispatchMessage("comes");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    open();
    await turns();
    expect(log).toEqual(["call", "terminate 1000", "over", "settled"]);
  });
});

describe("a forced caller", () => {
  test("waits for no promise, not even for one that comes later", async () => {
    const never = new Promise(() => {});
    const { caller, log } = rig((all) => ({
      ...scripted(all),
      onTerminate: () => {
        all.push("terminate");
        return never;
      },
    }));
    caller.dispatchMessage(() => never);
    caller.dispatchMessage("waits");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    caller.stopWaiting();
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "waits", "terminate", "over"]);
    expect(caller.isBusy).toBe(false);
  });

  test("from inside an asynchronous onTerminate does not wait for it", async () => {
    const never = new Promise(() => {});
    const { caller, log } = rig((all) => ({
      ...scripted(all),
      onTerminate: () => {
        caller.stopWaiting();
        all.push("terminate");
        return never;
      },
    }));
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log.filter((line) => line !== "settled")).toEqual(["terminate", "over"]);
  });

  test("from inside a callback lets it return first", () => {
    const { caller, log } = rig(scripted);
    caller.dispatchMessage(() => {
      caller.dispatchTerminate(TERMINATE, () => log.push("over"));
      caller.stopWaiting();
      log.push("returns");
    });
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "returns", "terminate 1000", "over"]);
  });

  // shows 4D-2-terminate
  test("reports what an abandoned callback rejects with later: onTerminate stays the last call", async () => {
    const { caller, log, reports } = rig(scripted);
    const { promise, fail } = gate();
    caller.dispatchMessage(() => promise);
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    caller.stopWaiting();
    fail("late");
    await turns();
    expect(log.filter((line) => line !== "settled")).toEqual([
      "call",
      "terminate 1000",
      "over",
      "report handler",
      "failed",
    ]);
    expect(reports).toEqual(["late"]);
  });
});
