import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Result } from "./summary.ts";

const root = resolve(import.meta.dirname, "../../..");
const folder = resolve(root, "bench/results");

/**
 * Writes a result, and its chart if there is one, to bench/results/.
 *
 * @returns the paths of the files, relative to the root of the repository
 */
export function saveResult(name: string, result: Result, chart: string | undefined): string[] {
  mkdirSync(folder, { recursive: true });
  const json = resolve(folder, `${name}.json`);
  const svg = resolve(folder, `${name}.svg`);
  writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  if (chart !== undefined) writeFileSync(svg, chart);
  // A chart of an older run must not stay.
  else rmSync(svg, { force: true });
  return (chart === undefined ? [json] : [json, svg]).map((file) => relative(root, file));
}

/**
 * Reads a result of bench/results/.
 *
 * @throws RangeError - if there is none with this name
 */
export function readResult(name: string): Result {
  try {
    return JSON.parse(readFileSync(resolve(folder, `${name}.json`), "utf8")) as Result;
  } catch (error) {
    throw new RangeError(`bench/results has no result ${name}`, { cause: error });
  }
}
