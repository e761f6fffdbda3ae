import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SYSTEM_COMPONENT, errorTable } from "../../src/errors/table.ts";
import { isSendableCode } from "../../src/protocol/close-frame.ts";

interface Row {
  readonly errCode: number;
  readonly componentSignature: string;
  readonly closeCode?: number;
  readonly closeReason?: string;
  readonly message: string;
}

const rows: readonly (readonly [code: string, row: Row])[] = Object.entries(errorTable);

describe("the error table", () => {
  test.each(rows)("%s has a name that programs can rely on", (code) => {
    expect(code).toMatch(/^HWS_[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
  });

  test("has no errCode twice", () => {
    expect(new Set(rows.map(([, row]) => row.errCode)).size).toBe(rows.length);
  });

  test("counts each component's errors from a hundred of its own", () => {
    const hundreds = new Set(rows.map(([, row]) => `${row.componentSignature} ${Math.floor(row.errCode / 100)}`));
    expect([...hundreds].sort()).toEqual(["hwbp 6", "hwcl 5", "hwcn 2", "hwhd 3", "hwpr 1", "hwsv 4"]);
  });

  test("marks components with four letters, as 4D does, and system errors with other letters than ours", () => {
    const components = new Set(rows.map(([, row]) => row.componentSignature));
    for (const component of [...components, SYSTEM_COMPONENT]) expect(component).toMatch(/^[a-z]{4}$/);
    expect(components).not.toContain(SYSTEM_COMPONENT);
  });

  test("has only close codes that may be sent", () => {
    const codes = rows.flatMap(([, row]) => row.closeCode ?? []);
    expect(codes.filter((code) => !isSendableCode(code))).toEqual([]);
  });

  test("fails a connection with 1002, 1007 or 1009 when the peer broke the protocol", () => {
    const codes = rows.filter(([, row]) => row.componentSignature === "hwpr").map(([, row]) => row.closeCode);
    expect([...new Set(codes)].sort()).toEqual([1002, 1007, 1009]);
  });

  test("has a reason that fits for each close code, but for 1011 and for a shutdown, which has a number of seconds", () => {
    const bare = rows.filter(([, row]) => row.closeCode !== undefined && row.closeReason === undefined);
    expect(bare.filter(([, row]) => row.closeCode !== 1011).map(([code]) => code)).toEqual(["HWS_SHUTDOWN"]);
    for (const [code, { closeCode, closeReason }] of rows) {
      if (closeReason === undefined) continue;
      expect(closeCode, code).toBeDefined();
      expect(closeReason, code).toMatch(/^[A-Za-z0-9][A-Za-z0-9 -]{1,40}$/);
    }
  });

  test.each(rows)("%s says what happened in a text that a detail can follow", (_code, row) => {
    expect(row.message).toMatch(/^\S.*[A-Za-z0-9]$/);
  });
});

describe("docs/errors.md", () => {
  const whole = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const begin = whole.indexOf("## Warnings");
  const end = whole.indexOf("\n## ", begin);
  const page = whole.slice(0, begin) + whole.slice(end);
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| `HWS_"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim().replaceAll("`", "")),
    );

  // shows 4D-2-errors-table
  test("lists what the table has, in its order, and nothing else", () => {
    const expected = rows.map(([code, row]) => [
      code,
      String(row.errCode),
      row.componentSignature,
      row.closeCode === undefined ? "none" : String(row.closeCode),
      row.closeReason ?? (code === "HWS_SHUTDOWN" ? "retry-after=, seconds" : "none"),
      row.message,
    ]);
    expect(cells).toEqual(expected);
  });

  test("names no code that does not exist", () => {
    const mentioned = new Set(page.match(/HWS_[A-Z0-9_]+/g));
    expect([...mentioned].sort()).toEqual(Object.keys(errorTable).sort());
  });

  test("has a row for each code of a warning of the source, and for no other", () => {
    const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const made = sources.flatMap((name) => [
      ...readFileSync(`src/${name}`, "utf8").matchAll(/(?:code: |\.once\()"(HWS_\w+)"/g),
    ]);
    const codes = new Set(made.map(([, code]) => code));
    const listed = whole.slice(begin, end).match(/^\| `HWS_\w+`/gm) ?? [];
    expect(listed.map((cell) => cell.slice(3, -1)).sort()).toEqual([...codes].sort());
  });

  test("explains every component", () => {
    const components = new Set([...rows.map(([, row]) => row.componentSignature), SYSTEM_COMPONENT]);
    const explained = [...page.matchAll(/^\| `([a-z]{4})` +\|/gm)].map((match) => match[1]);
    expect(explained.sort()).toEqual([...components].sort());
  });
});
