import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findWords } from "./find-words.ts";

/** Finds words in src/, docs/ and README.md that are hard to understand or are not the field's terms. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|md)$/.test(name))
    .map((name) => join(folder, name))
    .sort();
}

// Written by `npm run conformance` from docs/conformance/, and from names of tests.
const GENERATED = "docs/conformance.md";

for (const file of [...files("src"), ...files("docs"), "README.md"].filter((name) => name !== GENERATED)) {
  for (const { line, word, instead } of findWords(readFileSync(file, "utf8"))) {
    console.error(`${file}:${line}: ${word}: say instead: ${instead}`);
    process.exitCode = 1;
  }
}
