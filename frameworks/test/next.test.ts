// runs on: Next.js, custom server, `next dev` and `next build` | next | three lines: the option `server`
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, refusal, start } from "./support.js";

/** A copy of the pages: Next writes beside them. It is inside the package, where React is found. */
function site(t: TestContext): string {
  const folder = mkdtempSync(fileURLToPath(new URL("../next-", import.meta.url)));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(fileURLToPath(new URL("../../src/next/", import.meta.url)), folder, { recursive: true });
  return folder;
}

test("pages, HMR and WebSockets side by side; 1001 at the end", async (t) => {
  const DIR = site(t);
  const { port, stop } = await start("next.js", { DIR, NEXT_TELEMETRY_DISABLED: "1" });
  const http = `http://127.0.0.1:${port}`;
  const ws = `ws://127.0.0.1:${port}`;
  const client = await Client.open(t, `${ws}/live`);
  assert.equal(await client.ask("hello"), "hello");
  assert.match(await (await fetch(`${http}/`)).text(), /The first page/);
  // The path of the WebSockets is that of a page too. Next has listened since its first request.
  assert.match(await (await fetch(`${http}/live`)).text(), /Another page/);
  const later = await Client.open(t, `${ws}/live`);
  assert.equal(await later.ask("again"), "again");
  assert.equal(await client.text(), "again");

  const page = await Client.open(t, `${ws}/_next/hmr?id=1`);
  const changed = readTo(page, (text) => /serverComponentChanges|reload|"(built|sync)"/i.test(text));
  writeFileSync(join(DIR, "app/page.js"), "export default function Page() {\n  return <p>The changed page</p>;\n}\n");
  await changed;
  while (!/The changed page/.test(await (await fetch(`${http}/`)).text()));
  assert.equal(await client.ask("still here"), "still here");
  assert.equal((await refusal(`${ws}/other`)).status, 404);

  const code = stop();
  assert.equal((await client.closed).code, 1001);
  assert.equal((await later.closed).code, 1001);
  assert.equal(await code, 0);
});

test("pages and WebSockets in production, of what `next build` has built; no HMR", async (t) => {
  const DIR = site(t);
  const env = { DIR, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } as const;
  const next = fileURLToPath(new URL("../../node_modules/next/dist/bin/next", import.meta.url));
  await promisify(execFile)(process.execPath, [next, "build"], { cwd: DIR, env: { ...process.env, ...env } });
  const { port, stop } = await start("next.js", env);
  const http = `http://127.0.0.1:${port}`;
  const ws = `ws://127.0.0.1:${port}`;
  const client = await Client.open(t, `${ws}/live`);
  const page = await fetch(`${http}/`);
  assert.match(page.headers.get("cache-control") ?? "", /s-maxage/); // prerendered
  const html = await page.text();
  assert.match(html, /The first page/);
  const script = /\/_next\/static\/[^"]+\.js/.exec(html)?.[0];
  assert.equal((await fetch(http + script)).status, 200);
  assert.match(await (await fetch(`${http}/live`)).text(), /Another page/);
  // After the requests of pages, as before.
  const later = await Client.open(t, `${ws}/live`);
  assert.equal(await later.ask("hello"), "hello");
  assert.equal(await client.text(), "hello");
  assert.equal((await refusal(`${ws}/other`)).status, 404);
  await assert.rejects(Client.open(t, `${ws}/_next/hmr?id=1`));

  const code = stop();
  assert.deepEqual([(await client.closed).code, (await later.closed).code], [1001, 1001]);
  assert.equal(await code, 0);
});

/** Reads messages up to one that fits. */
async function readTo(client: Client, fits: (text: string) => boolean): Promise<void> {
  while (!fits(await client.text()));
}
