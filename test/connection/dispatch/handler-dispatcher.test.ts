import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DispatcherOwner } from "../../../src/connection/dispatch/dispatcher-owner.ts";
import type { HandlerCallbacks } from "../../../src/connection/dispatch/handler-callbacks.ts";
import { HandlerDispatcher } from "../../../src/connection/dispatch/handler-dispatcher.ts";
import { MAX_MESSAGES_PER_TURN } from "../../../src/connection/dispatch/turn-budget.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const PUBLIC_CONNECTION = { name: "the user's object" };
const TERMINATE = { type: "terminate", code: 1000, reason: undefined, initiator: "peer", cause: undefined } as const;

beforeEach(() => {
  // On a slow machine the time of a turn could be over before the messages of a test.
  vi.spyOn(performance, "now").mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
});

interface Rig {
  readonly dispatcher: HandlerDispatcher;
  readonly log: string[];
  readonly reports: unknown[];
}

/** A dispatcher whose host records its calls in the same log as the handler. */
function rig(make: (log: string[]) => HandlerCallbacks): Rig {
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
  return { dispatcher: new HandlerDispatcher(make(log), host), log, reports };
}

/** Records all calls. The data of a message decides what `onMessage` does. */
function scripted(log: string[]): Required<HandlerCallbacks> {
  return {
    onOpen: () => void log.push("open"),
    onMessageStart: () => void log.push("start"),
    onMessage: (_ws, event) => {
      const { data } = event as { data: unknown };
      log.push(typeof data === "string" ? data : "call");
      return typeof data === "function" ? (data as () => unknown)() : undefined;
    },
    onError: (_ws, event) => {
      log.push(`error ${(event as { errors: { message: string }[] }).errors[0]?.message}`);
    },
    onDrain: () => void log.push("drain"),
    onGap: (_ws, event) => void log.push(`gap ${(event as { reason: string }).reason}`),
    onTerminate: (_ws, event) => void log.push(`terminate ${(event as { code: number }).code}`),
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
    const { dispatcher } = rig(() => new Handler());
    const error = new HawserError("HWS_SEND_QUEUE_FULL");
    dispatcher.dispatchOpen();
    dispatcher.dispatchMessage("data");
    dispatcher.dispatchError(error);
    dispatcher.dispatchTerminate(TERMINATE, () => undefined);
    expect(calls).toEqual([
      ["mine", PUBLIC_CONNECTION, { type: "open" }],
      ["mine", PUBLIC_CONNECTION, { type: "message", data: "data" }],
      ["mine", PUBLIC_CONNECTION, { type: "error", errors: [expect.objectContaining({ cause: error })] }],
      ["mine", PUBLIC_CONNECTION, TERMINATE],
    ]);
    expect(calls.every((call) => call[1] === PUBLIC_CONNECTION)).toBe(true);
  });

  // shows 4D-2-shared
  test("of one frozen handler serve several connections: the handler is not changed", async () => {
    const shared = Object.freeze(scripted([]));
    const rigs = [rig(() => shared), rig(() => shared)];
    for (const { dispatcher } of rigs) {
      dispatcher.dispatchOpen();
      dispatcher.dispatchMessage(() => Promise.resolve());
      dispatcher.dispatchMessage(thrower(new Error("x")));
      dispatcher.dispatchTerminate(TERMINATE, () => undefined);
    }
    await turns();
    for (const { log, dispatcher } of rigs) {
      expect(log).toContain("failed");
      expect(dispatcher.handler).toBe(shared);
    }
  });

  // shows 4D-2-any
  test("may be missing, except onMessage", () => {
    const { dispatcher, log, reports } = rig((all) => ({ onMessage: () => void all.push("message") }));
    const error = new HawserError("HWS_SEND_QUEUE_FULL");
    dispatcher.dispatchOpen();
    dispatcher.dispatchMessage("x");
    dispatcher.dispatchError(error);
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log).toEqual(["message", "report library", "over"]);
    expect(reports).toEqual([error]);
  });

  test("that wait for another one are looked up on the handler when they are called", async () => {
    const handler: HandlerCallbacks = { onMessage: () => undefined };
    const { dispatcher, log } = rig((all) => {
      handler.onMessage = () => {
        all.push("first");
        handler.onMessage = () => void all.push("second");
      };
      return handler;
    });
    dispatcher.dispatchMessage(1);
    dispatcher.dispatchMessage(2);
    expect(log).toEqual(["first", "second"]);
  });

  test("that are null count as missing: an error is reported to the host", () => {
    const { dispatcher, reports } = rig(
      () => ({ onMessage: thrower("x"), onError: null }) as unknown as HandlerCallbacks,
    );
    dispatcher.dispatchMessage("x");
    expect(reports).toEqual(["x"]);
  });
});

describe("synchronous callbacks", () => {
  // shows 4D-4-sync
  test("that are synchronous need no promise: all messages of a turn are delivered within the call", () => {
    const { dispatcher, log } = rig(scripted);
    const then = vi.spyOn(Promise.prototype, "then");
    for (let i = 0; i < MAX_MESSAGES_PER_TURN; i++) dispatcher.dispatchMessage(`${i}`);
    const promises = then.mock.calls.length;
    then.mockRestore();
    expect(log).toEqual(Array.from({ length: MAX_MESSAGES_PER_TURN }, (_, i) => `${i}`));
    expect(promises).toBe(0);
    expect(dispatcher.isBusy).toBe(false);
  });

  test.each([null, 0, "", true, {}, { then: 1 }, () => undefined])(
    "may return anything that is not a promise: %o",
    (value) => {
      const { dispatcher, log } = rig(scripted);
      dispatcher.dispatchMessage(() => value);
      dispatcher.dispatchMessage("next");
      expect(log).toEqual(["call", "next"]);
    },
  );
});

describe("asynchronous callbacks", () => {
  // shows 4D-4-async, 4D-4-one-at-a-time
  test("that are asynchronous delay everything after them, in order", async () => {
    const { dispatcher, log } = rig(scripted);
    const first = deferred();
    const second = deferred();
    dispatcher.dispatchMessage(() => first.promise);
    dispatcher.dispatchMessage("b");
    dispatcher.dispatchMessage(() => second.promise);
    dispatcher.dispatchError(new Error("e"));
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["call"]);
    expect(dispatcher.isBusy).toBe(true);
    first.resolve();
    await turns();
    expect(log).toEqual(["call", "b", "call"]);
    second.resolve();
    await turns();
    expect(log).toEqual(["call", "b", "call", "error e", "terminate 1000", "over", "settled"]);
  });

  test("that are asynchronous delay tasks too", async () => {
    const { dispatcher, log } = rig(scripted);
    const { promise, resolve } = deferred();
    dispatcher.runInOrder(() => log.push("at once"));
    dispatcher.dispatchMessage(() => promise);
    dispatcher.runInOrder(() => log.push("later"));
    expect(log).toEqual(["at once", "call"]);
    resolve();
    await turns();
    expect(log).toEqual(["at once", "call", "later", "settled"]);
  });

  test("may return thenables that are not promises", async () => {
    const { dispatcher, log } = rig(scripted);
    let settle = (): void => {};
    dispatcher.dispatchMessage(() => ({ then: (done: () => void) => (settle = done) }));
    dispatcher.dispatchMessage("next");
    await turns();
    expect(log).toEqual(["call"]);
    settle();
    await turns();
    expect(log).toEqual(["call", "next", "settled"]);
  });

  test("onOpen and onTerminate are awaited too", async () => {
    const opened = deferred();
    const closed = deferred();
    const { dispatcher, log } = rig((all) => ({
      ...scripted(all),
      onOpen: () => opened.promise,
      onTerminate: () => closed.promise,
    }));
    dispatcher.dispatchOpen();
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual([]);
    opened.resolve();
    await turns();
    expect(log).toEqual(["a"]);
    closed.resolve();
    await turns();
    expect(log).toEqual(["a", "over", "settled"]);
  });

  test("that reject are followed by an asynchronous onError before anything else", async () => {
    const told = deferred();
    const { dispatcher, log } = rig((all) => ({
      ...scripted(all),
      onError: () => {
        all.push("error");
        return told.promise;
      },
    }));
    dispatcher.dispatchMessage(() => Promise.reject(new Error("x")));
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["call", "error", "failed"]);
    told.resolve();
    await turns();
    expect(log).toEqual(["call", "error", "failed", "terminate 1000", "over", "settled"]);
  });
});

describe("a callback on the stack", () => {
  // shows 4D-4-one-at-a-time
  test("returns before its effects are reported", () => {
    const { dispatcher, log } = rig(scripted);
    dispatcher.dispatchMessage(() => {
      dispatcher.dispatchMessage("inside");
      dispatcher.dispatchError(new Error("queue full"));
      dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
      log.push("returns");
    });
    expect(log).toEqual(["call", "returns", "inside", "error queue full", "terminate 1000", "over", "settled"]);
  });

  test("that is asynchronous settles before its effects are reported", async () => {
    const { dispatcher, log } = rig(scripted);
    dispatcher.dispatchMessage(async () => {
      dispatcher.dispatchError(new Error("queue full"));
      await turns();
      log.push("returns");
    });
    await turns(10);
    expect(log).toEqual(["call", "returns", "error queue full", "settled"]);
  });

  test("may be of any kind: onOpen, onError", () => {
    let caused = 0;
    const { dispatcher, log } = rig((all) => ({
      ...scripted(all),
      onOpen: () => {
        dispatcher.runInOrder(() => all.push("after open"));
        all.push("open returns");
      },
      onError: () => {
        caused++;
        dispatcher.runInOrder(() => all.push("after error"));
        all.push("error returns");
      },
    }));
    dispatcher.dispatchOpen();
    dispatcher.dispatchError(new Error("x"));
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
  ])("%s calls onError and closes the connection", async (_name, thrown, message) => {
    for (const fail of [thrower(thrown), () => rejected(thrown)]) {
      const { dispatcher, log } = rig(scripted);
      dispatcher.dispatchMessage(fail);
      dispatcher.dispatchMessage("not delivered");
      await turns();
      dispatcher.dispatchMessage("nor this");
      expect(log.filter((line) => line !== "settled")).toEqual(["call", `error ${message}`, "failed"]);
    }
  });

  test("in onOpen does the same", () => {
    const { dispatcher, log } = rig((all) => ({ ...scripted(all), onOpen: thrower(new Error("oops")) }));
    dispatcher.dispatchOpen();
    dispatcher.dispatchMessage("not delivered");
    expect(log).toEqual(["error oops", "failed"]);
  });

  test("from a getter named then does the same", () => {
    const { dispatcher, log } = rig(scripted);
    dispatcher.dispatchMessage(() => ({
      get then(): never {
        throw new Error("then");
      },
    }));
    expect(log).toEqual(["call", "error then", "failed"]);
  });

  test("without an onError is reported as an error of the handler", () => {
    const { dispatcher, log, reports } = rig(() => ({ onMessage: thrower("x") }));
    dispatcher.dispatchMessage("x");
    expect(log).toEqual(["report handler", "failed"]);
    expect(reports).toEqual(["x"]);
  });

  // shows 4D-2-error
  test("a second time is reported: onError is called once", () => {
    const { dispatcher, log, reports } = rig(scripted);
    dispatcher.dispatchMessage(thrower(new Error("first")));
    const second = new Error("second");
    dispatcher.dispatchError(second);
    expect(log).toEqual(["call", "error first", "failed", "report library"]);
    expect(reports).toEqual([second]);
  });

  test.each(["throws", "rejects"])(
    "and then in onError, which %s, is reported, and nothing is reported twice",
    async (how) => {
      const second = new Error("in onError");
      const { dispatcher, log, reports } = rig((all) => ({
        ...scripted(all),
        onError: () => {
          all.push("error");
          if (how === "throws") throw second;
          return Promise.reject(second);
        },
      }));
      dispatcher.dispatchMessage(thrower(new Error("first")));
      dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
      await turns();
      expect(log.filter((line) => line === "error")).toHaveLength(1);
      expect(log.filter((line) => line !== "settled").slice(-2)).toEqual(["terminate 1000", "over"]);
      expect(log).toContain("failed");
      expect(reports).toEqual([second]);
    },
  );

  test.each(["throws", "rejects"])(
    "in onTerminate, which %s, is reported, and the connection ends too",
    async (how) => {
      const thrown = new Error("in onTerminate");
      const { dispatcher, log, reports } = rig((all) => ({
        ...scripted(all),
        onTerminate: how === "throws" ? thrower(thrown) : () => Promise.reject(thrown),
      }));
      dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
      await turns();
      expect(log.filter((line) => line !== "settled")).toEqual(["report handler", "over"]);
      expect(reports).toEqual([thrown]);
    },
  );
});

describe("a dispatcher with stopped delivery", () => {
  test("delivers no message, not even waiting ones, but calls onTerminate", async () => {
    const { dispatcher, log } = rig(scripted);
    const { promise, resolve } = deferred();
    dispatcher.dispatchMessage(() => promise);
    dispatcher.dispatchMessage("waits");
    dispatcher.stopDelivery();
    dispatcher.dispatchMessage("comes");
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    resolve();
    await turns();
    expect(log).toEqual(["call", "terminate 1000", "over", "settled"]);
  });
});

describe("a forced dispatcher", () => {
  test("waits for no promise, also for no later one", async () => {
    const never = new Promise(() => {});
    const { dispatcher, log } = rig((all) => ({
      ...scripted(all),
      onTerminate: () => {
        all.push("terminate");
        return never;
      },
    }));
    dispatcher.dispatchMessage(() => never);
    dispatcher.dispatchMessage("waits");
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    dispatcher.stopWaiting();
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "waits", "terminate", "over"]);
    expect(dispatcher.isBusy).toBe(false);
  });

  test("forced inside an asynchronous onTerminate does not wait for it", async () => {
    const never = new Promise(() => {});
    const { dispatcher, log } = rig((all) => ({
      ...scripted(all),
      onTerminate: () => {
        dispatcher.stopWaiting();
        all.push("terminate");
        return never;
      },
    }));
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log.filter((line) => line !== "settled")).toEqual(["terminate", "over"]);
  });

  test("forced inside a callback lets it return first", () => {
    const { dispatcher, log } = rig(scripted);
    dispatcher.dispatchMessage(() => {
      dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
      dispatcher.stopWaiting();
      log.push("returns");
    });
    expect(log.filter((line) => line !== "settled")).toEqual(["call", "returns", "terminate 1000", "over"]);
  });

  // shows 4D-2-terminate
  test("reports a late rejection of an abandoned callback: onTerminate stays the last call", async () => {
    const { dispatcher, log, reports } = rig(scripted);
    const { promise, reject } = deferred();
    dispatcher.dispatchMessage(() => promise);
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    dispatcher.stopWaiting();
    reject("late");
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

test("A handler may open unless it has no onOpen: a getter that throws is reported as the failure of onOpen", () => {
  const onMessage = (): void => undefined;
  expect(rig(() => ({ onMessage })).dispatcher.mayOpen).toBe(false);
  expect(rig(() => ({ onMessage, onOpen: () => undefined })).dispatcher.mayOpen).toBe(true);
  const broken = Object.defineProperty({ onMessage }, "onOpen", {
    get: () => {
      throw new Error("broken");
    },
  });
  const { dispatcher, log } = rig(() => broken);
  expect(dispatcher.mayOpen).toBe(true);
  dispatcher.dispatchOpen();
  expect(log).toContain("failed");
});

describe("a gap", () => {
  test("is told in its order, and not after delivery has stopped", async () => {
    const busy = deferred();
    const { dispatcher, log } = rig(scripted);
    dispatcher.dispatchMessage(() => busy.promise);
    dispatcher.dispatchGap({ reason: "trimmed" });
    dispatcher.dispatchMessage("after");
    expect(log).toEqual(["call"]);
    busy.resolve();
    await turns();
    expect(log.filter((text) => text !== "settled")).toEqual(["call", "gap trimmed", "after"]);
    dispatcher.stopDelivery();
    dispatcher.dispatchGap({ reason: "reset" });
    expect(log).not.toContain("gap reset");
  });

  test("is nothing for a handler without onGap", () => {
    const { dispatcher, log } = rig((log) => ({ onMessage: () => void log.push("message") }));
    dispatcher.dispatchGap({ reason: "reset" });
    dispatcher.dispatchMessage("one");
    expect(log).toEqual(["message"]);
  });
});
