import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** A program that tests need and that npm cannot install. */
export interface Requirement {
  /** The name, for messages. */
  readonly name: string;
  /** The Debian packages that contain it. */
  readonly packages: readonly string[];
  /** The path of the program; undefined if it is missing. Uses no network. */
  find(): string | undefined;
}

/** The programs that tests need. For a new program add an entry: `npm test` installs it, `test/support/system.ts` finds it. */
export const requirements = {
  chromium: {
    name: "Chromium",
    packages: ["chromium"],
    find: () => firstExisting(["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]),
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
} satisfies Record<string, Requirement>;

function firstExisting(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
