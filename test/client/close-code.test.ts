import { expect, test } from "vitest";
import { readClientCode, readReason } from "../../src/client/close-code.ts";

test.each([1000, 3000, 3001, 4999])("a client may close with %d", (code) => {
  expect(readClientCode("close: code", code)).toBe(code);
});

test("without a code it closes with 1000", () => {
  expect(readClientCode("close: code", undefined)).toBe(1000);
});

test.each([0, -1, 999, 1001, 1005, 1006, 1011, 2999, 5000, 3000.5, NaN, Infinity])(
  "it may not close with %d",
  (code) => {
    expect(() => readClientCode("close: code", code)).toThrow(
      expect.objectContaining({
        code: "HWS_OUT_OF_RANGE",
        message: `close: code: expected 1000 or 3000 to 4999, got ${String(code)}`,
      }),
    );
  },
);

test.each([["1000"], [null], [{}], [true], [1000n]])("%o is no code", (code) => {
  expect(() => readClientCode("close: code", code)).toThrow(expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }));
});

test.each([[undefined], [""], ["bye"], ["x".repeat(123)], ["é".repeat(61)]])("%o is a reason", (reason) => {
  expect(readReason("close: reason", reason)).toBe(reason);
});

test.each([["x".repeat(124)], ["é".repeat(62)], ["x".repeat(2 ** 24)]])(
  "a reason has at most 123 bytes of UTF-8",
  (reason) => {
    expect(() => readReason("close: reason", reason)).toThrow(expect.objectContaining({ code: "HWS_OUT_OF_RANGE" }));
  },
);

test.each([[1], [null], [{}]])("%o is no reason", (reason) => {
  expect(() => readReason("close: reason", reason)).toThrow(expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }));
});
