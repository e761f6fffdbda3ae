import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/** The parts of a report of Vitest's JSON reporter that are used here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** What failed in a test file, a line each. A file that failed before its tests ran counts as one failed test. */
function failuresOf({ name, status, message, assertionResults }: Report["testResults"][number]): string[] {
  const file = relative(process.cwd(), name);
  const failures = assertionResults
    .filter((test) => test.status === "failed")
    .map((test) => `failed: ${file}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
  if (failures.length === 0 && status === "failed") failures.push(`failed: ${file}: ${firstLine(message)}`);
  return failures;
}

function firstLine(text = ""): string {
  return (text.split("\n", 1)[0] ?? "").slice(0, 300);
}

/**
 * Adds up the reports named on the command line, and names what failed: a long log may be cut. A missing report is
 * ignored: that run had no tests.
 */
let passed = 0;
let skipped = 0;
const failures: string[] = [];
for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) continue;
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  passed += report.numPassedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  failures.push(...report.testResults.flatMap(failuresOf));
}
for (const failure of failures) console.log(failure);
console.log(`tests: ${passed} passed, ${failures.length} failed, ${skipped} skipped`);
