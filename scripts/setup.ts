import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { type NpmPackage, type Requirement, advice, requirements } from "./requirements.ts";

/**
 * Runs before the tests and installs the programs that they need: those of Debian with apt-get, which needs root, and those of npm
 * into node_modules/.cache. If that fails it prints which packages to install. With CI=true a missing program is a failure.
 */
function setUp(): number {
  if (missing().length === 0) return 0;
  const debian = missing().flatMap(({ packages }) => packages ?? []);
  if (debian.length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) install(debian);
  for (const { npm } of missing()) if (npm !== undefined) installFromNpm(npm);

  const left = missing();
  if (left.length === 0) return 0;
  const names = left.map((requirement) => `${requirement.name} (${advice(requirement)})`);
  console.error(`Missing for some of the tests: ${names.join("; ")}.`);
  if (process.env["CI"] === "true") return 1;
  console.error("The tests that need them will be skipped.");
  return 0;
}

function missing(): Requirement[] {
  return Object.values<Requirement>(requirements).filter((requirement) => requirement.find() === undefined);
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

/** Ignores failures too. The package has the program itself: no script of it is run. */
function installFromNpm({ spec, prefix }: NpmPackage): void {
  console.log(`Installing for the tests: ${spec}`);
  mkdirSync(prefix, { recursive: true });
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", prefix];
  spawnSync("npm", ["install", ...options, spec], { cwd: prefix, stdio: ["ignore", "ignore", "inherit"] });
}

process.exitCode = setUp();
