import { describe, expect, test } from "vitest";
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

  test("is not made for a connection that closes without one", () => {
    const connection = {};
    abortSignalOf(connection);
    expect(signalOf(connection, false).aborted).toBe(false);
  });
});

describe("an error that the signal has caused", () => {
  test("is its reason, or an AbortError, after it has aborted", () => {
    const connection = {};
    const signal = signalOf(connection, false);
    const abortError = new DOMException("This operation was aborted", "AbortError");
    expect(isAbortOf(connection, abortError)).toBe(false);
    abortSignalOf(connection);
    for (const error of [abortError, signal.reason]) expect(isAbortOf(connection, error)).toBe(true);
    for (const error of [new Error("other"), undefined, "AbortError"]) expect(isAbortOf(connection, error)).toBe(false);
    expect(isAbortOf({}, abortError)).toBe(false);
  });

  test("is none that cannot be read", () => {
    const connection = {};
    signalOf(connection, true);
    const unreadable = Object.defineProperty(new Error("x"), "name", {
      get: () => {
        throw new Error("unreadable");
      },
    });
    const revoked = Proxy.revocable(new Error("x"), {});
    revoked.revoke();
    for (const error of [unreadable, revoked.proxy]) expect(isAbortOf(connection, error)).toBe(false);
  });
});
