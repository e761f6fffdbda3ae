import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";

const bench = resolve(import.meta.dirname, "..");
const root = resolve(bench, "..");

/** Whether the benchmark's packages are there, and not older than the lock file. */
export function isInstalled(): boolean {
  // npm leaves a copy of the lock file in what it installed.
  const copy = resolve(bench, "node_modules/.package-lock.json");
  return existsSync(copy) && statSync(copy).mtimeMs >= statSync(resolve(bench, "package-lock.json")).mtimeMs;
}

/** Installs the benchmark's packages where they are missing, or older than the lock file. */
export function install(): void {
  if (!isInstalled()) npm(bench, "ci", "--no-audit", "--no-fund");
}

/** Builds the library, as for its users. */
export function buildLibrary(): void {
  npm(root, "run", "--silent", "build");
}

/** Compiles the servers and the load generator: what is measured runs without a loader. */
export function buildBenchmark(): void {
  npm(bench, "run", "--silent", "build");
}

/** Runs npm in a folder; what it says goes to standard error, so that `--json` stays clean. */
function npm(folder: string, ...words: string[]): void {
  const shell = process.platform === "win32";
  const { status } = spawnSync("npm", words, { cwd: folder, stdio: ["ignore", 2, 2], shell });
  if (status !== 0) throw new Error(`npm ${words.join(" ")} failed in ${folder}`);
}
