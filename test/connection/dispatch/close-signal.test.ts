import { setTimeout } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { abortSignalOf, isAbortOf, signalOf } from "../../../src/connection/dispatch/close-signal.ts";

describe("the signal of a connection", () => {
  test("is made once, and aborts once", () => {
    const connection = {};
    const signal = signalOf(connection, false);
    expect(signalOf(connection, false)).toBe(signal);
    let aborts = 0;
    signal.addEventListener("abort", () => aborts++);
    expect(signal.aborted).toBe(false);
    abortSignalOf(connection);
    abortSignalOf(connection);
    expect([signal.aborted, aborts]).toEqual([true, 1]);
  });

  test("that is asked for when the connection is over has aborted", () => {
    expect(signalOf({}, true).aborted).toBe(true);
  });

  test("has a reason without a stack, which would keep the connection in memory", () => {
    const connection = {};
    const aborted = signalOf(connection, false);
    abortSignalOf(connection);
    for (const { reason } of [aborted, signalOf({}, true)] as { reason: DOMException }[])
      expect([reason.name, reason.stack]).toEqual(["AbortError", "AbortError: This operation was aborted"]);
  });

  test("may have a listener for each of many tasks: Node does not warn of a leak", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const connection = {};
    const signal = signalOf(connection, false);
    const tasks = Array.from({ length: 30 }, () => setTimeout(60_000, undefined, { signal }));
    abortSignalOf(connection);
    expect(await Promise.allSettled(tasks)).toHaveLength(30);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test("is not made for a connection that closes without one", () => {
    const connection = {};
    abortSignalOf(connection);
    expect(signalOf(connection, false).aborted).toBe(false);
  });
});

/** An error as a library may make it. */
function errorWith(properties: object): Error {
  return Object.assign(new Error("x"), properties);
}

describe("an error that the signal has caused", () => {
  const unreadable = {
    get: () => {
      throw new Error("unreadable");
    },
  };

  test("is one only after the signal has aborted, and only if somebody has asked for it", () => {
    const connection = {};
    const signal = signalOf(connection, false);
    const abortError = new DOMException("This operation was aborted", "AbortError");
    expect(isAbortOf(connection, abortError)).toBe(false);
    abortSignalOf(connection);
    for (const error of [abortError, signal.reason]) expect(isAbortOf(connection, error)).toBe(true);
    expect(isAbortOf({}, abortError)).toBe(false);
  });

  test.each<readonly [string, (reason: unknown) => unknown, boolean]>([
    ["its reason", (reason) => reason, true],
    ["an error with the name AbortError", () => errorWith({ name: "AbortError" }), true],
    ["Node's own", () => errorWith({ code: "ABORT_ERR" }), true],
    ["that of axios", () => errorWith({ name: "CanceledError", code: "ERR_CANCELED" }), true],
    ["one that has the reason as its cause", (reason) => new Error("x", { cause: reason }), true],
    ["one that has it further down", (reason) => new Error("x", { cause: new Error("y", { cause: reason }) }), true],
    [
      "one that another AbortError has caused",
      () => new Error("x", { cause: errorWith({ name: "AbortError" }) }),
      false,
    ],
    ["one with another code", () => errorWith({ code: "ERR_CANCELLED" }), false],
    ["another error", () => new Error("AbortError"), false],
    ["no error", () => "AbortError", false],
    ["an object that is no error", () => ({ name: "AbortError", code: "ABORT_ERR" }), false],
    ["nothing", () => undefined, false],
    ["one whose name cannot be read", () => Object.defineProperty(new Error("x"), "name", unreadable), false],
    ["one whose code cannot be read", () => Object.defineProperty(new Error("x"), "code", unreadable), false],
    ["one whose cause cannot be read", () => Object.defineProperty(new Error("x"), "cause", unreadable), false],
    ["one that is its own cause", () => circular(), false],
    ["a revoked proxy", () => revoked(), false],
  ])("%s", (_what, make, isAbort) => {
    const connection = {};
    const { reason } = signalOf(connection, true) as { readonly reason: unknown };
    expect(isAbortOf(connection, make(reason))).toBe(isAbort);
  });

  function circular(): Error {
    const error = new Error("x");
    error.cause = error;
    return error;
  }

  function revoked(): Error {
    const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
    revoke();
    return proxy;
  }
});
