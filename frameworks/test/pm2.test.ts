// runs on: PM2 | pm2 | nothing to do: processes share a port, and `pm2 reload` closes with 1001
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, openOnTwo, programs } from "./support.js";

const pm2 = createRequire(import.meta.url).resolve("pm2/bin/pm2");
const configuration = fileURLToPath(new URL("../../src/ecosystem.config.cjs", import.meta.url));

test("pm2 reload replaces the processes, closes with 1001, and new clients find one at any time", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "hawser-pm2-"));
  const port = await freePort();
  const run = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: "true", PORT: String(port) };
    return (await promisify(execFile)(process.execPath, [pm2, ...args], { env, cwd: fileURLToPath(programs) })).stdout;
  };
  t.after(async () => {
    await run("kill");
    rmSync(home, { recursive: true, force: true });
  });
  await run("start", configuration);

  const old = await openOnTwo(t, port);
  const reloaded = run("reload", "live");
  const next = await openOnTwo(t, port, [...old.keys()]);
  for (const { closed } of old.values()) assert.equal((await closed).code, 1001);
  await reloaded;
  for (const client of next.values()) assert.match(await client.ask("still"), /^still from /);
  await run("stop", "live");
  for (const { closed } of next.values()) assert.equal((await closed).code, 1001);
});
