import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Requirement, requirements } from "./requirements.ts";

/**
 * Runs before the tests and sees to it that what they need from the system is there: installs it where it may
 * (root, apt-get), else says which packages to install. With CI=true a missing piece is a failure.
 */
function setUp(): number {
  if (missing().length === 0) return 0;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) install(packagesOf(missing()));

  const left = missing();
  if (left.length === 0) return 0;
  const names = left.map((requirement) => requirement.name).join(" and ");
  console.error(`Missing for some of the tests: ${names}. On Debian, install: ${packagesOf(left).join(" ")}`);
  if (process.env["CI"] === "true") return 1;
  console.error("The tests that need them will be skipped.");
  return 0;
}

function missing(): Requirement[] {
  return Object.values<Requirement>(requirements).filter((requirement) => requirement.find() === undefined);
}

function packagesOf(list: readonly Requirement[]): string[] {
  return list.flatMap((requirement) => requirement.packages);
}

/** Failures are not looked at here: what counts is whether the programs are there afterwards. */
function install(packages: readonly string[]): void {
  console.log(`Installing for the tests: ${packages.join(" ")}`);
  aptGet("update");
  aptGet("install", "--yes", "--no-install-recommends", ...packages);
}

function aptGet(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "inherit", "inherit"] });
}

process.exitCode = setUp();
