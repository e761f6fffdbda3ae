import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Result } from "./summary.ts";

const root = resolve(import.meta.dirname, "../../..");
const folder = resolve(root, "bench/results");

/**
 * Writes a result and its chart, if there is one, to bench/results/.
 *
 * @returns the files, as seen from the repository's folder
 */
export function saveResult(name: string, result: Result, chart: string | undefined): string[] {
  mkdirSync(folder, { recursive: true });
  const json = resolve(folder, `${name}.json`);
  const svg = resolve(folder, `${name}.svg`);
  writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  if (chart !== undefined) writeFileSync(svg, chart);
  // That of an older run would not be of this one.
  else rmSync(svg, { force: true });
  return (chart === undefined ? [json] : [json, svg]).map((file) => relative(root, file));
}
