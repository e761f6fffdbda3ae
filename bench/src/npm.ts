import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";

const bench = resolve(import.meta.dirname, "..");
const root = resolve(bench, "..");

/** Whether the packages of the benchmark are installed, and not older than the lock file. */
export function isInstalled(): boolean {
  // npm writes a copy of the lock file into node_modules.
  const copy = resolve(bench, "node_modules/.package-lock.json");
  return existsSync(copy) && statSync(copy).mtimeMs >= statSync(resolve(bench, "package-lock.json")).mtimeMs;
}

/** Installs the packages of the benchmark if they are missing, or older than the lock file. */
export function install(): void {
  if (!isInstalled()) npm(bench, "ci", "--no-audit", "--no-fund");
}

/** Builds the library. */
export function buildLibrary(): void {
  npm(root, "run", "--silent", "build");
}

/** Compiles the servers and the load generator, so that they run without a loader. */
export function buildBenchmark(): void {
  npm(bench, "run", "--silent", "build");
}

/** Runs npm in a folder. Its output goes to standard error, so that standard output is only JSON with `--json`. */
function npm(folder: string, ...args: string[]): void {
  const shell = process.platform === "win32";
  const { status } = spawnSync("npm", args, { cwd: folder, stdio: ["ignore", 2, 2], shell });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed in ${folder}`);
}
