// runs on: Nitro, the server for Node that it builds | nitro, crossws | `crosswsAdapter` of `hawser/crossws`, and six lines of nitro.config.ts
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, type Running, chatApart, refusal, startProcess } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  // Inside the package, where the packages are found.
  const folder = mkdtempSync(fileURLToPath(new URL("../nitro-", import.meta.url)));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // The files of the page, as they are.
  cpSync(new URL("../../src/nitro/", import.meta.url), folder, { recursive: true });
  writeFileSync(join(folder, "routes/index.js"), "export default () => 'The first page';\n");
  const nitro = fileURLToPath(new URL("../../node_modules/nitro/dist/cli/index.mjs", import.meta.url));
  await promisify(execFile)(process.execPath, [nitro, "build"], { cwd: folder });
  const server = join(folder, ".output/server/index.mjs");
  // What was built has no server of the package `ws`.
  assert.match(readFileSync(server, "utf8"), /webSockets\(\{ resolve/);
  program = await startProcess(process.execPath, [server], { NITRO_HOST: "127.0.0.1" });
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

test("pages and WebSockets of what `nitro build` has built", async (t) => {
  assert.equal(await (await fetch(http)).text(), "The first page");
  await chatApart(t, ws);
});

test("a path without a WebSocket gets 404, also that of a page", async () => {
  for (const path of ["/", "/chats", "/other"]) assert.equal((await refusal(ws + path)).status, 404);
  assert.equal((await fetch(`${http}/other`)).status, 404);
});

test("the limits and the check of the origin are Hawser's", async (t) => {
  assert.equal((await refusal(`${ws}/chats/1`, { headers: { origin: "https://evil.example" } })).status, 403);
  const client = await Client.open(t, `${ws}/chats/1`);
  client.send("x".repeat(65_537));
  assert.equal((await client.closed).code, 1009);
});

test("SIGTERM closes the WebSockets with 1001, and the process ends", async (t) => {
  const client = await Client.open(t, `${ws}/chats/1`);
  const code = program.stop();
  assert.equal((await client.closed).code, 1001);
  assert.equal(await code, 0);
});
