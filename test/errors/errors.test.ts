import { describe, expect, test } from "vitest";
import {
  HawserError,
  asHawserError,
  InvalidArgumentError,
  OutOfRangeError,
  ProtocolError,
  hasCode,
} from "../../src/errors/errors.ts";
import { type ErrorCode, type ProtocolErrorCode, errorTable } from "../../src/errors/table.ts";

const codes = Object.keys(errorTable) as ErrorCode[];
const protocolCodes = codes.filter((code): code is ProtocolErrorCode => errorTable[code].componentSignature === "hwpr");

test("whatever was thrown is an error of the library", () => {
  const own = new HawserError("HWS_SEND_FAILED");
  expect(asHawserError(own)).toBe(own);
  const cause = new RangeError("memory");
  expect(asHawserError(cause)).toMatchObject({ code: "HWS_INTERNAL", cause });
});

describe("HawserError", () => {
  test.each(codes)("carries the row of %s", (code) => {
    const row = errorTable[code];
    const error = new HawserError(code);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("HawserError");
    expect(error.code).toBe(code);
    expect(error.errCode).toBe(row.errCode);
    expect(error.componentSignature).toBe(row.componentSignature);
    expect(error.message).toBe(row.message);
  });

  test("puts a detail after the table's text", () => {
    expect(new HawserError("HWS_INVALID_HANDLER", "got a number").message).toBe(
      `${errorTable.HWS_INVALID_HANDLER.message}: got a number`,
    );
  });

  test("keeps what caused it, and has no cause of its own", () => {
    const cause = new Error("read ECONNRESET");
    expect(new HawserError("HWS_STREAM_FAILED", undefined, { cause }).cause).toBe(cause);
    expect(new HawserError("HWS_STREAM_FAILED")).not.toHaveProperty("cause");
  });
});

describe("ProtocolError", () => {
  test.each(protocolCodes)("carries the close code of %s", (code) => {
    const error = new ProtocolError(code);
    expect(error).toBeInstanceOf(HawserError);
    expect(error.name).toBe("ProtocolError");
    expect(error.closeCode).toBe(errorTable[code].closeCode);
  });

  test("puts a detail after the table's text", () => {
    expect(new ProtocolError("HWS_CLOSE_CODE", "1005").message).toBe(`${errorTable.HWS_CLOSE_CODE.message}: 1005`);
  });
});

describe.each([
  { Class: InvalidArgumentError, Base: TypeError, name: "InvalidArgumentError", code: "HWS_INVALID_ARGUMENT" },
  { Class: OutOfRangeError, Base: RangeError, name: "OutOfRangeError", code: "HWS_OUT_OF_RANGE" },
])("$name", ({ Class, Base, name, code }) => {
  test("is the error that JavaScript's own functions throw, with a stable code", () => {
    const error = new Class("port must be 0 to 65535");
    expect(error).toBeInstanceOf(Base);
    expect(error).toMatchObject({ name, code, message: "port must be 0 to 65535" });
    expect(Object.keys(errorTable)).toContain(error.code);
  });
});

test("hasCode takes whatever was thrown", () => {
  const thrown = [
    new HawserError("HWS_BACKPLANE_AWAY"),
    new HawserError("HWS_INTERNAL"),
    new Error("x"),
    null,
    undefined,
  ];
  expect(thrown.map((error) => hasCode(error, "HWS_BACKPLANE_AWAY"))).toEqual([true, false, false, false, false]);
});
