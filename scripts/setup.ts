import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Requirement, requirements } from "./requirements.ts";

/**
 * Runs before the tests and installs the programs that they need. That needs root and apt-get; without them it prints
 * which packages to install. With CI=true a missing program is a failure.
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

/** Ignores failures: the programs are searched again afterwards. */
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
