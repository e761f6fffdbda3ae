import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { bundleBrowserClient } from "./browser-client.ts";

/** Compiles src to dist, and bundles the browsers' client. It deletes dist first: a file that is no longer in src must not stay there. */
const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
process.exitCode = status ?? 1;
if (status === 0) {
  const folder = new URL("../dist/browser/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("client.js", folder), await bundleBrowserClient());
  writeFileSync(new URL("topics.js", folder), await bundleBrowserClient("client-topics-browser.ts"));
}
