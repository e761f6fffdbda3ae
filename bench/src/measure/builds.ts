import { cpSync, existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";

// Inside bench/, so that Node reads the files as ES modules.
const copies = resolve(import.meta.dirname, "../../dist/builds");

/** The output of `npm run build`. */
export const BUILT = resolve(import.meta.dirname, "../../../dist");

/** The folder of the copy with this name. */
export function copyOf(name: string): string {
  return resolve(copies, name);
}

/**
 * Copies a build of hawser, so that another build during the benchmark does not change what is measured.
 *
 * @param folder - a dist folder
 * @param name - the name of the copy
 * @returns the copy's folder
 * @throws RangeError - if the folder has no build
 */
export function copyBuild(folder: string, name: string): string {
  if (!existsSync(resolve(folder, "hawser.js"))) throw new RangeError(`no build of hawser in ${folder}`);
  const copy = copyOf(name);
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return copy;
}
