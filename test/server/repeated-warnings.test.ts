import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RepeatedWarnings } from "../../src/server/repeated-warnings.ts";

const warn = vi.spyOn(process, "emitWarning");
let now = 0;
const texts = (): unknown[] => warn.mock.calls.map(([text]) => text);

beforeEach(() => {
  now = 0;
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

test("the same text is a warning at most once a minute, with the number of its repetitions", () => {
  const warnings = new RepeatedWarnings(() => now);
  for (now = 0; now < 180_000; now += 1_000) warnings.warn("same", () => "stack");
  expect(texts()).toEqual([
    "same",
    "same (and 59 more since the last warning)",
    "same (and 59 more since the last warning)",
  ]);
  expect(warn.mock.calls[0]![1]).toEqual({ type: "HawserWarning", code: "HWS_UNHEARD", detail: "stack" });
});

test("many texts are at most 21 warnings a minute, and those above are counted", () => {
  const warnings = new RepeatedWarnings(() => now);
  for (let i = 0; i < 1_000; i++) warnings.warn(String(i), () => "");
  expect(texts()).toHaveLength(21);
  now = 60_000;
  for (let i = 0; i < 1_000; i++) warnings.warn(`later ${String(i)}`, () => "");
  expect(texts()).toHaveLength(41);
  expect(texts()[40]).toMatch(/\(and 979 more since the last warning\)$/);
});

test("warnings with one key are repetitions of each other, whatever their texts are", () => {
  const warnings = new RepeatedWarnings(() => now);
  for (const text of ["a", "b", "c"]) warnings.warn(text, () => "", { code: "HWS_CALLBACK_BUSY", key: "busy" });
  now = 60_000;
  warnings.warn("d", () => "", { code: "HWS_CALLBACK_BUSY", key: "busy" });
  expect(texts()).toEqual(["a", "d (and 2 more since the last warning)"]);
  expect(warn.mock.calls[0]![1]).toMatchObject({ code: "HWS_CALLBACK_BUSY" });
});
