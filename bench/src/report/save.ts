import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Result } from "./summary.ts";

const folder = resolve(import.meta.dirname, "../../results");

/** Writes a result and its chart, if there is one, to bench/results/. */
export function saveResult(name: string, result: Result, chart: string | undefined): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(resolve(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const file = resolve(folder, `${name}.svg`);
  if (chart !== undefined) writeFileSync(file, chart);
  // That of an older run would not be of this one.
  else rmSync(file, { force: true });
}
