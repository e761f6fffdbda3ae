import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { later, notApplicable, shown, type Requirement, type Section } from "../../docs/conformance/requirement.ts";
import { requirements } from "../../docs/conformance/requirements.ts";
import { findProblems, renderPage, run } from "../../scripts/conformance.ts";
import type { TaggedTest } from "../../scripts/tagged-tests.ts";

const section = (...rows: Requirement[]): Section[] => [{ prefix: "a", title: "Section A", requirements: rows }];
const shows = (...ids: string[]): TaggedTest => ({ file: "test/a.test.ts", name: "it works", ids, skipped: false });

test("requirements and tests that fit together have no problem", () => {
  const sections = section(
    shown("a-1", "server", "One."),
    shown("a-2", "client", "Two.", ["a-1"]),
    later("a-3", "Three."),
    notApplicable("a-4", "other", "Four.", "no proxy"),
  );
  expect(findProblems({ sections, tests: [shows("a-1")], stray: [] })).toEqual([]);
});

test("a requirement that no test shows is a problem", () => {
  const sections = section(
    shown("a-1", "server", "One."),
    shown("a-2", "server", "Two.", ["a-3"]),
    later("a-3", "Three."),
  );
  expect(findProblems({ sections, tests: [shows("a-1")], stray: [] })).toEqual(["a-2: no test shows it (Two.)"]);
});

test("a test that shows something unknown is a problem", () => {
  expect(findProblems({ sections: section(), tests: [shows("a-9")], stray: [] })).toEqual([
    'test/a.test.ts: "it works" shows a-9, but there is no such requirement',
  ]);
});

test("a test that may be skipped is a problem", () => {
  const sections = section(shown("a-1", "server", "One."));
  expect(findProblems({ sections, tests: [{ ...shows("a-1"), skipped: true }], stray: [] })).toEqual([
    'test/a.test.ts: "it works" may be skipped, so it proves nothing',
  ]);
});

test("a test for a requirement that is said to have none is a problem", () => {
  const sections = section(later("a-1", "One."), notApplicable("a-2", "other", "Two.", "no proxy"));
  expect(findProblems({ sections, tests: [shows("a-1", "a-2")], stray: [] })).toEqual([
    "a-1: is later, but a test shows it",
    "a-2: is not-applicable, but a test shows it",
  ]);
});

test("a comment above no test is a problem", () => {
  expect(findProblems({ sections: [], tests: [], stray: ["test/a.test.ts:7"] })).toEqual([
    'test/a.test.ts:7: a "shows" comment without a test directly below it',
  ]);
});

test("an id that is listed twice, misplaced or unknown to the list is a problem", () => {
  const sections = section(
    shown("a-1", "server", "One."),
    shown("a-1", "server", "Again."),
    shown("b-1", "server", "Misplaced.", ["a-8"]),
  );
  expect(findProblems({ sections, tests: [shows("a-1", "b-1")], stray: [] })).toEqual([
    "b-1: does not start with a-",
    "a-1: listed twice",
    "b-1: there is no requirement a-8",
  ]);
});

test("the page has a row for each requirement, with its tests or the reason why there are none", () => {
  const sections = section(
    shown("a-1", "server", "One | two."),
    shown("a-2", "both", "Two.", ["a-1"]),
    later("a-3", "Three."),
    notApplicable("a-4", "other", "Four.", "no proxy"),
  );
  const page = renderPage({
    sections,
    tests: [shows("a-1"), { ...shows("a-1"), name: "b > sends <x>_y" }, { ...shows("a-1"), file: "test/c.test.ts" }],
    stray: [],
  });
  expect(page.split("\n").filter((line) => /^## |^\| a-/.test(line))).toEqual([
    "## Section A",
    "| a-1 | server | One \\| two. | [test/a.test.ts](../test/a.test.ts): it works; b \\> sends \\<x\\>\\_y<br>[test/c.test.ts](../test/c.test.ts): it works |",
    "| a-2 | both | Two. | the tests of a-1 |",
    "| a-3 | client | Three. | *Later:* its code is not written yet |",
    "| a-4 | other | Four. | *Not applicable:* no proxy |",
  ]);
  expect(page).toContain("Shown: 2, by 3 tests. Later: 1. Not applicable: 1.");
});

test("a page that is missing or older than the tests is out of date until it is written", () => {
  const root = mkdtempSync(join(tmpdir(), "hawser-conformance-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "docs"));
  mkdirSync(join(root, "test/deep"), { recursive: true });
  const sections = section(shown("a-1", "server", "One."));
  const tests = join(root, "test/deep/a.test.ts");
  const stale = ["docs/conformance.md: out of date; run this script with --write"];

  writeFileSync(tests, '// shows a-1\ntest("it works", () => {});\n');
  expect(run(root, sections, false)).toEqual(stale);
  expect(run(root, sections, true)).toEqual([]);
  expect(run(root, sections, false)).toEqual([]);
  expect(readFileSync(join(root, "docs/conformance.md"), "utf8")).toContain("test/deep/a.test.ts): it works |");

  writeFileSync(tests, '// shows a-1\ntest("it works better", () => {});\n');
  expect(run(root, sections, false)).toEqual(stale);
  writeFileSync(tests, 'test("it works", () => {});\n');
  expect(run(root, sections, true)).toEqual(["a-1: no test shows it (One.)"]);
});

test("the real list is consistent in itself", () => {
  const tests = requirements
    .flatMap((part) => part.requirements)
    .filter((row) => row.status === "shown")
    .map((row) => shows(row.id));
  expect(findProblems({ sections: requirements, tests, stray: [] })).toEqual([]);
});

test("every requirement without a test says why", () => {
  const silent = requirements
    .flatMap((part) => part.requirements)
    .filter((row) => row.status !== "shown" && row.why === "")
    .map((row) => row.id);
  expect(silent).toEqual([]);
});
