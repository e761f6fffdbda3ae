import { expect, test } from "vitest";
import { checkReason, readCloseCode, readTerminate } from "../../src/connection/close-arguments.ts";

test.each([
  [undefined, "why", { code: undefined, reason: undefined }],
  [1000, "why", { code: 1000, reason: undefined }],
  [3000, "why", { code: 3000, reason: undefined }],
  [3001, "why", { code: 3001, reason: "why" }],
  [7, "why", { code: undefined, reason: undefined }],
  [{ code: 4000, message: "why" }, undefined, { code: 4000, reason: "why" }],
])("terminate(%o, %s) sends %o", (code, message, expected) => {
  expect(readTerminate(code, message)).toEqual(expected);
});

test.each([5_000, 1.5, NaN, "4000", null])("terminate(%o) throws", (code) => {
  expect(() => readTerminate(code as number, undefined)).toThrow("terminate: code: expected");
});

test("a reason without a code is sent with 1000; other codes must be sendable", () => {
  expect([readCloseCode(undefined, "why"), readCloseCode(undefined, ""), readCloseCode(4000, "why")]).toEqual([
    1000,
    undefined,
    4000,
  ]);
  for (const code of [1005, 1006, 999, 5000]) expect(() => readCloseCode(code, undefined)).toThrow("close: code");
});

test("a reason has at most 123 bytes of UTF-8", () => {
  expect(() => checkReason("r", "x".repeat(123))).not.toThrow();
  expect(() => checkReason("r", "é".repeat(62))).toThrow("r: expected at most 123 bytes");
  expect(() => checkReason("r", 7)).toThrow("r: expected a string, got number");
});
