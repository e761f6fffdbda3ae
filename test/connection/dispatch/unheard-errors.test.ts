import { expect, test } from "vitest";
import { warnOfUnheard } from "../../../src/connection/dispatch/unheard-errors.ts";
import type { Warning, Warnings } from "../../../src/util/warnings.ts";

function warningOf(error: unknown): string[] {
  const given: string[] = [];
  const warn = (_key: string, { code, text, detail }: Warning): void => void given.push(code, text(), detail?.() ?? "");
  warnOfUnheard({ warn } as unknown as Warnings, error);
  return given;
}

test("the warning has the error's text, and its stack", () => {
  const error = new Error("why");
  expect(warningOf(error)).toEqual(["HWS_UNHEARD", "An error that no onError handled: why", error.stack]);
});

test("what is no error, or has a stack that throws, is told too", () => {
  expect(warningOf("why")).toEqual(["HWS_UNHEARD", expect.stringContaining("why"), ""]);
  const error = Object.defineProperty(new Error("why"), "stack", {
    get: () => {
      throw new Error("stack");
    },
  });
  expect(warningOf(error)[2]).toBe("");
});
