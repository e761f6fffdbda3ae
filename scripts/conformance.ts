// Checks that docs/conformance.md, its requirements and the tests that show them agree.
//   tsx scripts/conformance.ts           prints each problem, and fails if there is one
//   tsx scripts/conformance.ts --write   writes the page first, then does the same
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Requirement, Section } from "../docs/conformance/requirement.ts";
import { requirements } from "../docs/conformance/requirements.ts";
import { findTaggedTests, type TaggedFile, type TaggedTest } from "./tagged-tests.ts";

const PAGE = "docs/conformance.md";

/** The requirements, and the tests that show them. */
export interface Evidence {
  readonly sections: readonly Section[];
  readonly tests: readonly TaggedTest[];
  /** Where a "shows" comment is not above a test. */
  readonly stray: readonly string[];
}

/**
 * Lists the problems, one line each. The list is empty if the requirements and the tests agree.
 *
 * @param evidence - the requirements and the tests
 */
export function findProblems({ sections, tests, stray }: Evidence): string[] {
  const problems = stray.map((place) => `${place}: a "shows" comment without a test directly below it`);
  const all = sections.flatMap((section) => section.requirements);
  const byId = new Map(all.map((requirement) => [requirement.id, requirement]));
  const shownIds = new Set(tests.flatMap((test) => test.ids));

  for (const { prefix, requirements: rows } of sections) {
    for (const { id } of rows) if (!id.startsWith(`${prefix}-`)) problems.push(`${id}: does not start with ${prefix}-`);
  }
  for (const { id } of all.filter((row) => byId.get(row.id) !== row)) problems.push(`${id}: listed twice`);
  for (const row of byId.values()) {
    for (const other of row.shownBy) if (!byId.has(other)) problems.push(`${row.id}: there is no requirement ${other}`);
    const hasTest = [row.id, ...row.shownBy].some((id) => shownIds.has(id));
    if (row.status === "shown" && !hasTest) problems.push(`${row.id}: no test shows it (${row.text})`);
    if (row.status !== "shown" && shownIds.has(row.id))
      problems.push(`${row.id}: is ${row.status}, but a test shows it`);
  }
  for (const { file, name, ids, skipped } of tests) {
    if (skipped) problems.push(`${file}: "${name}" may be skipped, so it proves nothing`);
    for (const id of ids)
      if (!byId.has(id)) problems.push(`${file}: "${name}" shows ${id}, but there is no such requirement`);
  }
  return problems;
}

/**
 * Writes the page: one table for each section.
 *
 * @param evidence - the requirements and the tests
 */
export function renderPage({ sections, tests }: Evidence): string {
  const count = (status: Requirement["status"]): number =>
    sections.flatMap((section) => section.requirements).filter((row) => row.status === status).length;
  const tables = sections.map(({ title, requirements: rows }) =>
    [
      `## ${title}`,
      "",
      "| Id | Who | Requirement | Shown by |",
      "| --- | --- | --- | --- |",
      ...rows.map((row) => `| ${row.id} | ${row.role} | ${cell(row.text)} | ${shownBy(row, tests)} |`),
      "",
    ].join("\n"),
  );
  return [
    "# Conformance",
    "",
    "<!-- Written by scripts/conformance.ts from docs/conformance/*.ts and the tests. Do not edit. -->",
    "<!-- prettier-ignore-start -->",
    "",
    "This page lists requirements, and the tests that show that Hawser meets them. The requirements are every MUST,",
    "MUST NOT, REQUIRED and SHALL of RFC 6455, sections 4 to 7 and the sections these refer to; these and every SHOULD of",
    "RFC 7692, sections 5 to 8; every line of the object model; and every line of 4D's pages of the connection and of the",
    "client, in our words. A comment directly above a test names the requirements that the test shows: `// shows 6455-5.1-3`.",
    "",
    `Shown: ${count("shown")}, by ${tests.length} tests. Later: ${count("later")}. Not applicable: ${count("not-applicable")}.`,
    "",
    ...tables,
    "<!-- prettier-ignore-end -->",
    "",
  ].join("\n");
}

function shownBy(row: Requirement, tests: readonly TaggedTest[]): string {
  if (row.status !== "shown") return `*${row.status === "later" ? "Later" : "Not applicable"}:* ${cell(row.why)}`;
  const own = tests.filter((test) => test.ids.includes(row.id));
  const files = new Set(own.map((test) => test.file));
  const lines = [...files].map((file) => {
    const names = own.filter((test) => test.file === file).map((test) => plain(test.name));
    return `[${file}](../${file}): ${names.join("; ")}`;
  });
  if (row.shownBy.length > 0) lines.push(`the tests of ${row.shownBy.join(", ")}`);
  return lines.join("<br>");
}

/** Escapes each `|`, which would end the cell of a table. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** Escapes the characters of a test's name that Markdown would interpret. */
function plain(text: string): string {
  return text.replace(/[\\`*_<>|[\]]/g, "\\$&").replaceAll("\n", " ");
}

function readTests(root: string): TaggedFile {
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((name) => `test/${name.replaceAll("\\", "/")}`)
    .filter((name) => /\.(test|test-d)\.ts$/.test(name))
    .sort();
  const found = files.map((file) => findTaggedTests(file, readFileSync(join(root, file), "utf8")));
  return { tests: found.flatMap((file) => file.tests), stray: found.flatMap((file) => file.stray) };
}

/**
 * Checks the page and the tests of a repository.
 *
 * @param root - the folder with `docs` and `test`
 * @param sections - the requirements
 * @param write - whether to write the page first
 * @returns the problems, one line each
 */
export function run(root: string, sections: readonly Section[], write: boolean): string[] {
  const evidence = { sections, ...readTests(root) };
  const path = join(root, PAGE);
  const page = renderPage(evidence);
  if (write) writeFileSync(path, page);
  const current = existsSync(path) ? readFileSync(path, "utf8") : "";
  const stale = current === page ? [] : [`${PAGE}: out of date; run this script with --write`];
  return [...findProblems(evidence), ...stale];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const problems = run(root, requirements, process.argv.includes("--write"));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
