import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program that tests need and that is no development dependency. It comes from Debian or from npm. */
export interface Requirement {
  /** The name, for messages. */
  readonly name: string;
  /** The Debian packages that contain it. */
  readonly packages?: readonly string[];
  /** The npm package that contains it. It is too large for all who run `npm ci`. */
  readonly npm?: NpmPackage;
  /** The path of the program; undefined if it is missing. Uses no network. */
  find(): string | undefined;
}

/** An npm package with a program for this machine. */
export interface NpmPackage {
  /** The package and its version, such as `@oven/bun-linux-x64@1.4.5`. */
  readonly spec: string;
  /** The folder into which `npm install --prefix` installs it. */
  readonly prefix: string;
}

/** The versions that the tests run. */
const BUN = "1.4.5";
const DENO = "2.9.6";

const bun = npmPackage(`@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`, BUN);
const deno = npmPackage(
  `@deno/${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`,
  DENO,
);

/** The programs that tests need. For a new program add an entry: `npm test` installs it, `test/support/system.ts` finds it. */
export const requirements = {
  chromium: {
    name: "Chromium",
    packages: ["chromium"],
    find: () => firstExisting(["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]),
  },
  firefox: {
    name: "Firefox",
    packages: ["firefox-esr"],
    find: () => firstExisting(["/usr/bin/firefox-esr", "/usr/bin/firefox"]),
  },
  python: {
    // Debian's own Python: another one that comes first in PATH would not find Debian's packages.
    name: "Python's websockets",
    packages: ["python3", "python3-websockets"],
    find: () => (runs("/usr/bin/python3", ["-c", "import websockets"]) ? "/usr/bin/python3" : undefined),
  },
  pythonClients: {
    name: "Python's websockets, aiohttp and websocket-client",
    packages: ["python3", "python3-websockets", "python3-aiohttp", "python3-websocket"],
    find: () =>
      runs("/usr/bin/python3", ["-c", "import websockets, aiohttp, websocket"]) ? "/usr/bin/python3" : undefined,
  },
  nginx: {
    name: "nginx",
    packages: ["nginx"],
    find: () => firstExisting(["/usr/sbin/nginx"]),
  },
  haproxy: {
    name: "HAProxy",
    packages: ["haproxy"],
    find: () => firstExisting(["/usr/sbin/haproxy"]),
  },
  caddy: {
    name: "Caddy",
    packages: ["caddy"],
    find: () => firstExisting(["/usr/bin/caddy"]),
  },
  tinyproxy: {
    name: "Tinyproxy",
    packages: ["tinyproxy-bin"],
    find: () => firstExisting(["/usr/bin/tinyproxy", "/usr/sbin/tinyproxy"]),
  },
  redis: {
    name: "Redis",
    packages: ["redis-server"],
    find: () => firstExisting(["/usr/bin/redis-server"]),
  },
  bun: { name: "Bun", npm: bun, find: () => inPackage(bun, "bin/bun") ?? inPath("bun") },
  deno: { name: "Deno", npm: deno, find: () => inPackage(deno, "deno") ?? inPath("deno") },
} satisfies Record<string, Requirement>;

/** How a missing program is installed, for messages. */
export function advice({ packages = [], npm }: Requirement): string {
  return [packages.length > 0 && `Debian: ${packages.join(" ")}`, npm && `npm: ${npm.spec}`].filter(Boolean).join(", ");
}

/** Each version has a folder of its own: npm would remove the others from a common one. */
function npmPackage(name: string, version: string): NpmPackage & { readonly folder: string } {
  const runtimes = fileURLToPath(new URL("../node_modules/.cache/runtimes/", import.meta.url));
  const prefix = join(runtimes, `${name.replace(/\W/g, "-")}-${version}`);
  return { spec: `${name}@${version}`, prefix, folder: join(prefix, "node_modules", name) };
}

function inPackage({ folder }: { readonly folder: string }, path: string): string | undefined {
  return firstExisting([join(folder, path)]);
}

function inPath(program: string): string | undefined {
  return firstExisting((process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, program)));
}

function firstExisting(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
