import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Prints a summary, and saves the record with the summary beside it.
 *
 * @param record - what was measured
 * @param summary - the same in words, in Markdown
 * @param path - of a JSON file; undefined: nothing is saved
 */
export function publish(record: object, summary: string, path: string | undefined): void {
  console.log(`\n${summary}`);
  if (path === undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(path.replace(/(\.json)?$/, ".md"), `${summary}\n`);
}
