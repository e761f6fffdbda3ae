import { cpSync, existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";

// Inside bench/, so that the files are ES modules here as they are in the package.
const copies = resolve(import.meta.dirname, "../../dist/builds");

/** The package as `npm run build` left it. */
export const BUILT = resolve(import.meta.dirname, "../../../dist");

/** Where the copy called `name` is. */
export function frozen(name: string): string {
  return resolve(copies, name);
}

/**
 * Copies a build of hawser to where it is measured: whoever builds again meanwhile disturbs nothing.
 *
 * @param folder - a dist folder
 * @param name - what to call the copy
 * @returns the copy's folder
 * @throws RangeError - when there is no build in the folder
 */
export function freeze(folder: string, name: string): string {
  if (!existsSync(resolve(folder, "hawser.js"))) throw new RangeError(`no build of hawser in ${folder}`);
  const copy = frozen(name);
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return copy;
}
