import { describe, expect, test } from "vitest";
import type { InvariantError } from "../../../fuzz/engine/target.ts";
import { FuzzHandler } from "../../../fuzz/harness/handler.ts";

const open = { type: "open" };
const message = { type: "message", data: "x" };
const error = { type: "error", errors: [{ errCode: 1 }] };
const terminate = { type: "terminate", code: 1000 };
const closed = { status: "Closed" };

/** The broken promise that a handler reports after these calls. */
function broken(calls: (handler: FuzzHandler) => void): unknown[] {
  const handler = new FuzzHandler();
  calls(handler);
  return handler.broken.map((one) => (one as InvariantError).invariant);
}

describe("a handler that is called as promised", () => {
  test("reports nothing", () => {
    const found = broken((handler) => {
      handler.onOpen(closed, open);
      handler.onMessage(closed, message);
      handler.onError(closed, error);
      handler.onTerminate(closed, terminate);
    });
    expect(found).toEqual([]);
  });

  test("keeps its events", () => {
    const handler = new FuzzHandler();
    handler.onOpen(closed, open);
    handler.onMessage(closed, message);
    handler.onError(closed, error);
    expect([handler.ws, handler.data, handler.errors, handler.ended]).toEqual([closed, ["x"], [1], false]);
    handler.onTerminate(closed, terminate);
    expect(handler.ended).toBe(true);
  });

  test("may be called while a promise is awaited, after a forced end", () => {
    const found = broken((handler) => {
      handler.behave = async () => Promise.resolve();
      handler.onOpen(closed, open);
      handler.serverTerminated = true;
      handler.onTerminate(closed, terminate);
    });
    expect(found).toEqual([]);
  });
});

describe("a handler reports", () => {
  const order = "callbacks are called in a wrong order";
  const cases: readonly [what: string, calls: (handler: FuzzHandler) => void, found: readonly string[]][] = [
    ["a message before onOpen", (handler) => handler.onMessage(closed, message), [order]],
    [
      "a second onTerminate",
      (handler) => {
        handler.onOpen(closed, open);
        handler.onTerminate(closed, terminate);
        handler.onTerminate(closed, terminate);
      },
      [order],
    ],
    [
      "a second onError, and a message after the first",
      (handler) => {
        handler.onOpen(closed, open);
        handler.onError(closed, error);
        handler.onMessage(closed, message);
      },
      [order],
    ],
    [
      "a callback inside another",
      (handler) => {
        handler.behave = (callback) => (callback === "open" ? handler.onMessage(closed, message) : undefined);
        handler.onOpen(closed, open);
      },
      ["a callback is called inside another"],
    ],
    [
      "a callback while a promise is awaited",
      (handler) => {
        handler.behave = async () => Promise.resolve();
        handler.onOpen(closed, open);
        handler.onMessage(closed, message);
      },
      ["a callback is called while a promise is awaited"],
    ],
    [
      "a connection that is not closed in onTerminate",
      (handler) => {
        handler.onOpen(closed, open);
        handler.onTerminate({ status: "Closing" }, terminate);
      },
      ["a connection does not have the status Closed in onTerminate"],
    ],
    ["an event of another type", (handler) => handler.onOpen(closed, message), ["an event has a wrong type"]],
  ];

  test.each(cases)("%s", (_what, calls, found) => {
    expect(broken(calls)).toEqual(found);
  });
});
