import { existsSync, readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import { limitNames } from "../../src/server/limit-counters.ts";
import { numberOptions } from "../../src/server/number-options.ts";
import { readOptions } from "../../src/server/settings.ts";

/** What is known of other products (advisories, and threads by their number), each of which the page has to answer. */
const RECORDS = [
  "CVE-2023-44487",
  "CVE-2025-8671",
  ...["CVE-2016-10518", "CVE-2016-10542", "GHSA-5v72-xg48-5rpm", "CVE-2021-32640", "CVE-2024-37890"],
  ...["CVE-2026-45736", "GHSA-58qx-3vcg-4xpx", "CVE-2026-48779", "GHSA-96hv-2xvq-fx4p"],
  ...["ws#2329", "ws#2331", "ws#2333", "ws#2335"],
  ...["CVE-2020-36048", "CVE-2022-21676", "CVE-2022-41940", "CVE-2023-31125", "CVE-2026-59725"],
  ...["CVE-2020-36049", "CVE-2022-2421", "CVE-2023-32695", "CVE-2024-38355", "CVE-2020-28481", "CVE-2026-33151"],
  ...["CVE-2026-69185", "CVE-2026-1526", "CVE-2026-1528", "CVE-2026-2229", "CVE-2026-12151", "CVE-2026-1527"],
  ...["undici#4899", "CVE-2026-54466", "uWebSockets#1497", "CVE-2026-42786", "CVE-2026-27889", "CVE-2026-47073"],
  ...["Mesop", "GHSA-c4j6-fc7j-m34r", "Vite"],
  ...["ws#1202", "ws#1369", "node#8871", "CVE-2026-85024", "GHSA-3wwx-pv8p-q78v", "CVE-2016-10544", "CVE-2018-1000518"],
  ...["CVE-2021-21419", "CVE-2026-5680", "CVE-2026-39804", "CVE-2026-54490", "CVE-2026-54464"],
  ...["CVE-2026-107227", "GHSA-mq44-7p77-q5h7"],
];

const page = readFileSync("docs/security.md", "utf8");

/** A section of the page, with what is under it. */
function section(title: string): string {
  return page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? "";
}

/** The rows of all tables in a part of the page, without their headings. */
function rowsOf(part: string): string[][] {
  const rows = [...part.matchAll(/^\|(.+)\|$/gm)].map(([, row = ""]) => row.split("|").map((cell) => cell.trim()));
  return rows.filter(([first = ""], i) => !first.startsWith("---") && rows[i + 1]?.[0]?.startsWith("---") !== true);
}

/** A file of tests, and the sentences of it that are quoted after it. */
const QUOTED = /`(test\/[\w./-]+)`: ("[^"]+"(?:, "[^"]+")*)/g;

const mentions = [...page.matchAll(QUOTED)].flatMap(([, file = "", quoted = ""]) =>
  [...quoted.matchAll(/"([^"]+)"/g)].map(([, sentence = ""]) => [file, sentence] as const),
);

const named = new Map<string, readonly string[]>();

/** The names of a file's tests as they are written, templates and all, each alone and after those of its blocks. */
function namesIn(file: string): readonly string[] {
  const known = named.get(file);
  if (known !== undefined) return known;
  const names: string[] = [];
  const visit = (node: ts.Node, blocks: readonly string[]): void => {
    const call = ts.isCallExpression(node) ? titled(node) : undefined;
    const path = call === undefined ? blocks : [...blocks, call.title];
    if (call !== undefined && call.callee !== "describe") path.forEach((_, i) => names.push(path.slice(i).join(" > ")));
    ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest), []);
  named.set(file, names);
  return names;
}

/** A block or a test; one that is skipped shows nothing. */
function titled(call: ts.CallExpression): { readonly callee: string; readonly title: string } | undefined {
  const [title] = call.arguments;
  if (title === undefined || !ts.isStringLiteralLike(title) || call.arguments.length < 2) return undefined;
  let callee: ts.Expression = call.expression;
  while (!ts.isIdentifier(callee)) {
    if (ts.isPropertyAccessExpression(callee)) {
      if (["skip", "todo", "fails"].includes(callee.name.text)) return undefined;
      callee = callee.expression;
    } else if (ts.isCallExpression(callee)) callee = callee.expression;
    else return undefined;
  }
  return ["describe", "test", "it"].includes(callee.text) ? { callee: callee.text, title: title.text } : undefined;
}

test.each(mentions)("%s has the test that docs/security.md names: %s", (file, sentence) => {
  expect(existsSync(file)).toBe(true);
  expect(namesIn(file)).toContain(sentence);
});

test("docs/security.md names no file of tests without a sentence of it", () => {
  expect([...page.matchAll(/`test\//g)]).toHaveLength([...page.matchAll(QUOTED)].length);
});

test.each(["Attacks", "What went wrong elsewhere"])("each row under %s names a test", (title) => {
  const rows = rowsOf(section(title));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => row.at(-1)?.search(QUOTED) === -1)).toEqual([]);
});

test("each row about a client names a test, and options that a client has", () => {
  const rows = rowsOf(section("Attacks on a client"));
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => row.at(-1)?.search(QUOTED) === -1)).toEqual([]);
  const options = readFileSync("src/client/options.ts", "utf8");
  const named = rows.flatMap(([, stops = ""]) => [...stops.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name));
  expect(named.filter((name) => name !== "send" && !options.includes(`readonly ${name}?:`))).toEqual([]);
});

test("docs/security.md has a row for each record of other products, and for no other", () => {
  const records = rowsOf(section("What went wrong elsewhere")).map(([record = ""]) => record);
  expect(RECORDS.filter((id) => !records.some((record) => record.split(/[\s,()']+/).includes(id)))).toEqual([]);
  const ids = [...page.matchAll(/\b(?:CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|\w+#\d+)\b/g)].map(([id]) => id);
  expect(ids.filter((id) => !RECORDS.includes(id))).toEqual([]);
});

/** What stops the attacks, by the option: what stands in brackets after it, if anything. */
const options = rowsOf(section("Attacks")).flatMap(([, stops = ""]) =>
  [...stops.matchAll(/`(\w+)`(?: \(([^)]+)\))?/g)].map(([, name = "", usual]) => [name, usual] as const),
);

test("docs/security.md speaks of options that there are, and of every limit", () => {
  const known = [...readFileSync("src/server/options.ts", "utf8").matchAll(/^ {2}readonly (\w+)\?:/gm)].map(
    ([, name]) => name,
  );
  // This limit is fixed.
  known.push("maxTopics");
  expect(options.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
  expect(limitNames.filter((limit) => !options.some(([name]) => name === limit))).toEqual([]);
});

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024, ms: 1, s: 1000 };

test.each(options.filter(([name, usual]) => name in numberOptions && usual !== undefined && /^[\dI]/.test(usual)))(
  "docs/security.md says what the default of %s is: %s",
  (name, usual = "") => {
    const [amount = "", unit] = usual.replaceAll(",", "").split(" ");
    const factor = unit === undefined ? 1 : UNITS[unit];
    expect(Number(amount) * (factor ?? NaN)).toBe(numberOptions[name as keyof typeof numberOptions].default);
  },
);

test("docs/security.md says what the default policies are", () => {
  const defaults = Object.fromEntries(options.filter(([, usual]) => usual?.startsWith('"') === true));
  const { sendQueuePolicy, ratePolicy, ignoresInvalidJson } = readOptions({});
  expect(defaults).toEqual({
    origins: '"same"',
    sendQueuePolicy: `"${sendQueuePolicy}"`,
    ratePolicy: `"${ratePolicy}"`,
    invalidJson: ignoresInvalidJson ? '"ignore"' : '"close"',
  });
});
