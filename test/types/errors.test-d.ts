import { expectTypeOf, test } from "vitest";
import type { HawserError } from "../../src/errors/errors.ts";
import { InvalidArgumentError, OutOfRangeError, ProtocolError } from "../../src/errors/errors.ts";
import type { ErrorCode, ProtocolErrorCode, errorTable } from "../../src/errors/table.ts";

test("an error's code is one of the table's", () => {
  expectTypeOf<HawserError["code"]>().toEqualTypeOf<keyof typeof errorTable>();
  expectTypeOf<"HWS_NONSENSE">().not.toExtend<ErrorCode>();
});

test("a protocol error's code is one for which RFC 6455 fails the connection", () => {
  expectTypeOf<ProtocolErrorCode>().toExtend<ErrorCode>();
  expectTypeOf<"HWS_MASK_MISSING">().toExtend<ProtocolErrorCode>();
  expectTypeOf<"HWS_INVALID_JSON">().not.toExtend<ProtocolErrorCode>();
  // @ts-expect-error: not a protocol error
  new ProtocolError("HWS_STREAM_FAILED");
});

test("every protocol error has a close code", () => {
  expectTypeOf<(typeof errorTable)[ProtocolErrorCode]["closeCode"]>().toEqualTypeOf<1002 | 1007 | 1009>();
});

test("the errors of a wrong call have their codes as literal types", () => {
  expectTypeOf(new InvalidArgumentError("x").code).toEqualTypeOf<"HWS_INVALID_ARGUMENT">();
  expectTypeOf(new OutOfRangeError("x").code).toEqualTypeOf<"HWS_OUT_OF_RANGE">();
});
