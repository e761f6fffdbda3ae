import { describe, expect, test } from "vitest";
import { OPEN_EVENT, errorEvent } from "../../../src/connection/dispatch/events.ts";
import { HawserError, ProtocolError } from "../../../src/errors/errors.ts";
import { errorTable } from "../../../src/errors/table.ts";

const HANDLER = errorTable.HWS_HANDLER_FAILED;

describe("an error event", () => {
  test("has one entry for an error of the library, with the numbers of the table", () => {
    const error = new ProtocolError("HWS_RESERVED_BITS");
    expect(errorEvent(error, "library")).toEqual({
      type: "error",
      errors: [{ errCode: 101, componentSignature: "hwpr", message: error.message, cause: error }],
    });
  });

  // shows 4D-2-errors
  test("lists what failed first, and its cause after it", () => {
    const system = Object.assign(new Error("read ECONNRESET"), { errno: -104, code: "ECONNRESET" });
    const error = new HawserError("HWS_STREAM_FAILED", undefined, { cause: system });
    expect(errorEvent(error, "library").errors).toEqual([
      { errCode: 203, componentSignature: "hwcn", message: error.message, cause: error },
      { errCode: 104, componentSignature: "syst", message: "read ECONNRESET", cause: system },
    ]);
  });

  test("gives an error of a handler the number of handler errors, and its cause from the library its own number", () => {
    const inner = new HawserError("HWS_INVALID_JSON");
    const outer = new Error("no good", { cause: inner });
    expect(errorEvent(outer, "handler").errors).toEqual([
      { errCode: HANDLER.errCode, componentSignature: HANDLER.componentSignature, message: "no good", cause: outer },
      { errCode: 201, componentSignature: "hwcn", message: inner.message, cause: inner },
    ]);
  });

  test("gives 0 where the system has no number", () => {
    expect(errorEvent(new Error("x"), "library").errors[0]).toMatchObject({ errCode: 0, componentSignature: "syst" });
    expect(errorEvent(Object.assign(new Error("x"), { errno: "E" }), "library").errors[0].errCode).toBe(0);
  });

  test.each([
    [undefined, "undefined"],
    [null, "null"],
    ["text", "text"],
    [0, "0"],
    [Symbol("s"), "Symbol(s)"],
    [{ toString: () => "described" }, "described"],
    [{ code: 5 }, "{ code: 5 }"],
    [Object.create(null), "[Object: null prototype] {}"],
  ])("has an entry for a thrown value that is not an error: %o", (thrown: unknown, message) => {
    expect(errorEvent(thrown, "handler").errors).toEqual([
      { errCode: HANDLER.errCode, componentSignature: HANDLER.componentSignature, message, cause: thrown },
    ]);
  });

  test("has an entry for an error that cannot be read, under the number of its source", () => {
    const thrown = new Error("x");
    for (const name of ["message", "cause", "errno"])
      Object.defineProperty(thrown, name, {
        get: () => {
          throw new Error("unreadable");
        },
      });
    // Newer versions of Node show more of it.
    const message = expect.stringMatching(
      /^(Something that cannot be read was thrown \(object\)|\[object Error\].*)$/,
    ) as string;
    const [ofHandler] = errorEvent(thrown, "handler").errors;
    expect([ofHandler.errCode, ofHandler.message]).toEqual([HANDLER.errCode, message]);
    const [entry, ...more] = errorEvent(thrown, "library").errors;
    expect([entry.errCode, entry.componentSignature, entry.message, more]).toEqual([0, "syst", message, []]);
    expect(entry.cause === thrown).toBe(true);
  });

  test("ends when the causes form a circle", () => {
    const error = new Error("round");
    error.cause = error;
    expect(errorEvent(error, "handler").errors).toHaveLength(10);
  });

  test("ends when a cause is null", () => {
    expect(errorEvent(new Error("x", { cause: null }), "handler").errors).toHaveLength(1);
  });
});

test("the open event is frozen, so that no handler can change it for another", () => {
  expect(OPEN_EVENT).toEqual({ type: "open" });
  expect(Object.isFrozen(OPEN_EVENT)).toBe(true);
});
