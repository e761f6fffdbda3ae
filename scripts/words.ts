import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findWords } from "./find-words.ts";

/** Finds words in the sources and the pages that are hard to understand or are not the field's terms. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|md)$/.test(name))
    .map((name) => join(folder, name))
    .sort();
}

/** The list of these words and its test, and a page with the names of tests. */
const LEFT_OUT = [
  "scripts/find-words.ts",
  "scripts/words.ts",
  "test/scripts/find-words.test.ts",
  "docs/conformance.md",
];

const checked = [...["src", "test", "docs", "scripts", "fuzz", "bench/src"].flatMap(files), "bench/README.md"];

/** A chat has rooms: the guides speak of them. */
const isUsersWord = (file: string, word: string): boolean =>
  /^(docs|test)\/guides\//.test(file) && /^rooms?$/i.test(word);

for (const file of checked.filter((name) => !LEFT_OUT.includes(name))) {
  for (const { line, word, instead } of findWords(readFileSync(file, "utf8"))) {
    if (isUsersWord(file, word)) continue;
    console.error(`${file}:${line}: ${word}: say instead: ${instead}`);
    process.exitCode = 1;
  }
}
