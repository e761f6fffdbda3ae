import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Result } from "./summary.ts";

const folder = resolve(import.meta.dirname, "../../results");

/** Writes a result and its chart to bench/results/. */
export function saveResult(name: string, result: Result, chart: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(resolve(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(resolve(folder, `${name}.svg`), chart);
}
