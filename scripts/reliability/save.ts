import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Prints a summary, and saves the record and the summary.
 *
 * @param record - what was measured
 * @param summary - the same as text, in Markdown
 * @param path - the JSON file for the record; the summary has the same name with `.md`; undefined: nothing is saved
 */
export function publish(record: object, summary: string, path: string | undefined): void {
  console.log(`\n${summary}`);
  if (path === undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(path.replace(/(\.json)?$/, ".md"), `${summary}\n`);
}
