import { expect, test } from "vitest";
import { installed, run } from "../support/packed-package.ts";
import { SLOW, programsOf, usePage } from "../support/page-project.ts";

const page = "docs/guides/testing.md";
const project = usePage(page, ["vitest"]);

test(
  "the tests of the page pass under vitest",
  async () => {
    const files = [...programsOf(page).keys()].filter((name) => name.endsWith(".test.ts"));
    expect(files).toEqual(["chat.test.ts", "page.test.ts", "refused.test.ts", "idle.test.ts"]);
    const args = [installed("vitest/vitest.mjs"), "run", "--no-color", "--reporter=json", ...files];
    const report = JSON.parse(await run(process.execPath, args, { cwd: project().folder })) as object;
    expect(report).toMatchObject({ success: true, numTotalTestSuites: files.length, numPassedTests: files.length });
  },
  SLOW,
);

test(
  "the test of the page for node:test passes",
  async () => {
    const args = ["--test", "--test-reporter=tap", "idle.node.js"];
    const report = await run(process.execPath, args, { cwd: project().folder });
    expect(report).toMatch(/^# pass 1$/m);
  },
  SLOW,
);
