import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";

/** The machine and the versions with which a record was made. */
export interface Circumstances {
  readonly date: string;
  /** Hawser's version. */
  readonly version: string;
  /** The current commit, with a "+" if the sources had changed since; undefined outside a repository. */
  readonly commit: string | undefined;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
}

const root = new URL("../../", import.meta.url);

/** Reads the circumstances. */
export function circumstances(): Circumstances {
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  return {
    date: new Date().toISOString(),
    version,
    commit: headCommit(),
    node: process.version,
    system: `${process.platform} ${release()}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** The circumstances in one line. */
export function inWords({ date, version, commit, node, system, processor, cores }: Circumstances): string {
  const code = commit === undefined ? version : `${version} (${commit})`;
  return `${date.slice(0, 10)}, Hawser ${code}, Node ${node}, ${system}, ${String(cores)} cores of ${processor}`;
}

function headCommit(): string | undefined {
  try {
    const changes = git("status", "--porcelain", "--", "src");
    return `${git("rev-parse", "--short", "HEAD")}${changes === "" ? "" : "+"}`;
  } catch {
    return undefined;
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
