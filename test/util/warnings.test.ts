import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readFileSync, readdirSync } from "node:fs";
import { Warnings } from "../../src/util/warnings.ts";

const warn = vi.spyOn(process, "emitWarning");
let now = 0;
const texts = (): unknown[] => warn.mock.calls.map(([text]) => text);

function give(warnings: Warnings, text: string, detail?: string): void {
  warnings.warn(text, {
    code: "HWS_UNHEARD",
    text: () => text,
    ...(detail === undefined ? {} : { detail: () => detail }),
  });
}

beforeEach(() => {
  now = 0;
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

test("the same text is a warning at most once a minute, with the number of its repetitions", () => {
  const warnings = new Warnings(undefined, () => now);
  for (now = 0; now < 180_000; now += 1_000) give(warnings, "same", "stack");
  expect(texts()).toEqual([
    "same",
    "same (and 59 more since the last warning)",
    "same (and 59 more since the last warning)",
  ]);
  expect(warn.mock.calls[0]![1]).toEqual({ type: "HawserWarning", code: "HWS_UNHEARD", detail: "stack" });
});

test("many texts are at most 21 warnings a minute, and those above are counted", () => {
  const warnings = new Warnings(undefined, () => now);
  for (let i = 0; i < 1_000; i++) give(warnings, String(i), "");
  expect(texts()).toHaveLength(21);
  now = 60_000;
  for (let i = 0; i < 1_000; i++) give(warnings, `later ${String(i)}`, "");
  expect(texts()).toHaveLength(42);
  expect(texts()[21]).toBe("later 0 (and 979 other warnings were left out before)");
  expect(texts().slice(22)).toEqual(Array.from({ length: 20 }, (_, i) => `later ${String(i + 1)}`));
});

test("the count of a text is told before its place is taken", () => {
  const warnings = new Warnings(undefined, () => now);
  give(warnings, "disk full", "stack");
  now = 30_000;
  for (let i = 0; i < 1_000; i++) give(warnings, "disk full");
  for (let i = 0; i < 19; i++) give(warnings, `other ${String(i)}`);
  warn.mockClear();
  now = 61_000;
  give(warnings, "another");
  give(warnings, "disk full");
  expect(texts()).toEqual(["disk full (and 1000 more since the last warning)", "another"]);
  now = 121_000;
  give(warnings, "disk full");
  expect(texts()[2]).toBe("disk full (and 1 more since the last warning)");
});

test("a count of texts without a place of their own is never that of one text", () => {
  const warnings = new Warnings(undefined, () => now);
  for (let i = 0; i < 25; i++) give(warnings, `first ${String(i)}`);
  for (let i = 0; i < 20; i++) give(warnings, `first ${String(i)}`);
  warn.mockClear();
  now = 60_000;
  give(warnings, "new");
  expect(texts()).toEqual([
    ...Array.from({ length: 20 }, (_, i) => `first ${String(i)} (and 1 more since the last warning)`),
    "new (and 4 other warnings were left out before)",
  ]);
});

test("the text that is shown again is that of the last time", () => {
  const warnings = new Warnings(undefined, () => now);
  for (const text of ["connection 1", "connection 2"]) {
    warnings.warn("busy", { code: "HWS_CALLBACK_BUSY", text: () => text });
    now = 60_000;
  }
  expect(texts()).toEqual(["connection 1", "connection 2"]);
});

test("with an infinite interval each text is one warning, and at most 20 are", () => {
  const warnings = new Warnings(Infinity, () => now);
  for (now = 0; now < 1_000_000_000; now += 1_000_000) give(warnings, String(now % 40_000_000));
  expect(texts()).toHaveLength(20);
  expect(warn.mock.calls[0]![1]).toEqual({ type: "HawserWarning", code: "HWS_UNHEARD" });
});

test("nothing else in src warns the process", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const warning = files.filter((name) => readFileSync(`src/${name}`, "utf8").includes("emitWarning"));
  expect(warning).toEqual(["util/warnings.ts"]);
});
