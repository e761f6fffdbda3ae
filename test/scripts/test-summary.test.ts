import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hawser-summary-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function summaryOf(...reports: object[]): string[] {
  const paths = reports.map((report, index) => {
    const path = join(folder, `${index}.json`);
    writeFileSync(path, JSON.stringify(report));
    return path;
  });
  const program = ["node_modules/.bin/tsx", "scripts/test-summary.ts", ...paths, join(folder, "missing.json")];
  return execFileSync(process.execPath, program, { encoding: "utf8" }).trimEnd().split("\n");
}

const passing = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

test("adds up the reports, and ignores one that is missing", () => {
  expect(summaryOf(passing, passing)).toEqual(["tests: 6 passed, 0 failed, 4 skipped"]);
});

test("names each test that failed, and each file that failed before its tests ran", () => {
  const failing = {
    ...passing,
    testResults: [
      {
        name: join(process.cwd(), "test/a.test.ts"),
        status: "failed",
        message: "",
        assertionResults: [
          { status: "passed", fullName: "holds" },
          { status: "failed", fullName: "breaks", failureMessages: ["expected 1 to be 2\n  at a.test.ts:3"] },
        ],
      },
      {
        name: join(process.cwd(), "test/b.test.ts"),
        status: "failed",
        message: "no such module",
        assertionResults: [],
      },
    ],
  };
  expect(summaryOf(passing, failing)).toEqual([
    "failed: test/a.test.ts: breaks: expected 1 to be 2",
    "failed: test/b.test.ts: no such module",
    "tests: 6 passed, 2 failed, 4 skipped",
  ]);
});
