// runs on: Express | express | three lines: the option `server`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, cookieOf, refusal, start } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  program = await start("express.js");
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

async function login(user: string): Promise<{ cookie: string }> {
  const headers = { "content-type": "text/plain" };
  return { cookie: cookieOf(await fetch(`${http}/login`, { method: "POST", body: user, headers })) };
}

test("WebSockets beside the routes, with the session of Express", async (t) => {
  assert.equal((await refusal(`${ws}/live`)).status, 401);
  const ann = await Client.open(t, `${ws}/live`, { headers: await login("ann") });
  const bob = await Client.open(t, `${ws}/live`, { headers: await login("bob") });
  assert.equal(await ann.ask("hello"), "ann: hello");
  assert.equal(await bob.text(), "ann: hello");
  assert.equal(await (await fetch(`${http}/online`)).json(), 2);
});

test("404 for another path, 403 for a page of another site", async () => {
  assert.equal((await refusal(`${ws}/other`)).status, 404);
  assert.equal((await fetch(`${http}/other`)).status, 404);
  const headers = { ...(await login("ann")), origin: "https://evil.example" };
  assert.equal((await refusal(`${ws}/live`, { headers })).status, 403);
});

test("SIGTERM closes the WebSockets with 1001, and the process ends", async (t) => {
  const ann = await Client.open(t, `${ws}/live`, { headers: await login("ann") });
  const code = program.stop();
  assert.equal((await ann.closed).code, 1001);
  assert.equal(await code, 0);
});
