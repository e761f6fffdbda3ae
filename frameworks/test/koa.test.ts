// runs on: Koa | koa | three lines: the option `server`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, refusal, start } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  program = await start("koa.js");
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

async function login(user: string): Promise<{ cookie: string }> {
  const response = await fetch(`${http}/login?user=${user}`);
  return {
    cookie: response.headers
      .getSetCookie()
      .map((line) => line.split(";", 1)[0])
      .join("; "),
  };
}

test("WebSockets beside Koa's middleware, with its signed cookies", async (t) => {
  assert.equal((await refusal(`${ws}/live`)).status, 401);
  assert.equal((await refusal(`${ws}/live`, { headers: { cookie: "user=ann; user.sig=forged" } })).status, 401);
  const ann = await Client.open(t, `${ws}/live`, { headers: await login("ann") });
  assert.equal(await ann.ask("hello"), "ann: hello");
  assert.equal(await (await fetch(`${http}/online`)).text(), "1");
});

test("404 for another path", async () => {
  assert.equal((await refusal(`${ws}/other`)).status, 404);
  assert.equal((await fetch(`${http}/other`)).status, 404);
});

test("SIGTERM closes the WebSockets with 1001, and the process ends", async (t) => {
  const ann = await Client.open(t, `${ws}/live`, { headers: await login("ann") });
  const code = program.stop();
  assert.equal((await ann.closed).code, 1001);
  assert.equal(await code, 0);
});
