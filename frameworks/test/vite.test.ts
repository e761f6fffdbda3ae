// runs on: Vite | vite | three lines: the option `server`, as a middleware or in a plugin
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer } from "vite";
import { live } from "../src/vite-plugin.js";
import { Client, start } from "./support.js";

/** A page with one script. */
function site(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "hawser-vite-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "index.html"), '<script type="module" src="/main.js"></script>');
  writeFileSync(join(root, "main.js"), "console.log(1);");
  return root;
}

/** A page of Vite, as far as its HMR is concerned. */
async function hmr(t: TestContext, port: number): Promise<Client> {
  const client = await (await fetch(`http://127.0.0.1:${port}/@vite/client`)).text();
  const token = /wsToken = "([^"]+)"/.exec(client)?.[1];
  assert.ok(token, "Vite's client has no token");
  assert.match(await (await fetch(`http://127.0.0.1:${port}/main.js`)).text(), /console\.log\(1\)/);
  const page = await Client.open(t, `ws://127.0.0.1:${port}/?token=${token}`, { offers: ["vite-hmr"] });
  assert.deepEqual(await page.json(), { type: "connected" });
  return page;
}

/** Changes the script, and waits until Vite tells its pages. */
async function change(page: Client, root: string): Promise<void> {
  writeFileSync(join(root, "main.js"), "console.log(2);");
  assert.match(((await page.json()) as { type: string }).type, /update|full-reload/);
}

test("as a middleware: HMR, the page and WebSockets side by side; 1001 at the end", async (t) => {
  const ROOT = site(t);
  const { port, stop } = await start("vite.js", { ROOT });
  const page = await hmr(t, port);
  const client = await Client.open(t, `ws://127.0.0.1:${port}/live`);
  assert.equal(await client.ask("hello"), "hello");
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /main\.js/);
  await change(page, ROOT);
  assert.equal(await client.ask("still here"), "still here");

  const code = stop();
  assert.equal((await client.closed).code, 1001);
  await page.closed;
  assert.equal(await code, 0);
});

test("as a plugin: HMR and WebSockets side by side, also after a restart; vite.close() closes with 1001", async (t) => {
  const root = site(t);
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    plugins: [live()],
    server: { host: "127.0.0.1", port: 0 },
  });
  t.after(() => vite.close());
  await vite.listen();
  const port = (): number => (vite.httpServer?.address() as { port: number }).port;
  const page = await hmr(t, port());
  const client = await Client.open(t, `ws://127.0.0.1:${port()}/live`);
  assert.equal(await client.ask("hello"), "hello");
  await change(page, root);
  assert.equal(await client.ask("still here"), "still here");

  await vite.restart();
  assert.equal((await client.closed).code, 1001);
  const again = await Client.open(t, `ws://127.0.0.1:${port()}/live`);
  assert.equal(await again.ask("hello"), "hello");
  await vite.close();
  assert.equal((await again.closed).code, 1001);
});
