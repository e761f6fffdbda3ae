import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findWords } from "./find-words.ts";

/** Finds words in src/, test/ and docs/ that are hard to understand or are not the field's terms. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|md)$/.test(name))
    .map((name) => join(folder, name))
    .sort();
}

/** The test of the list itself, pages that quote the names of tests, and pages whose prose has not been rewritten yet. */
const LEFT_OUT = [
  "test/scripts/find-words.test.ts",
  "docs/conformance.md",
  "docs/security.md",
  "docs/limits.md",
  "docs/reliability.md",
];

for (const file of [...files("src"), ...files("test"), ...files("docs")].filter((name) => !LEFT_OUT.includes(name))) {
  for (const { line, word, instead } of findWords(readFileSync(file, "utf8"))) {
    console.error(`${file}:${line}: ${word}: say instead: ${instead}`);
    process.exitCode = 1;
  }
}
