// runs on: Hono on Node's server | hono, @hono/node-server | three lines: the option `server`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, refusal, start } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  program = await start("hono.js");
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

const headers = { cookie: "user=ann" };

test("WebSockets beside the routes", async (t) => {
  assert.equal((await refusal(`${ws}/live`)).status, 401);
  const ann = await Client.open(t, `${ws}/live`, { headers });
  assert.equal(await ann.ask("hello"), "ann: hello");
  assert.equal(await (await fetch(`${http}/online`)).json(), 1);
});

test("404 for another path", async () => {
  assert.equal((await refusal(`${ws}/other`)).status, 404);
  assert.equal((await fetch(`${http}/other`)).status, 404);
});

test("SIGTERM closes the WebSockets with 1001, and the process ends", async (t) => {
  const ann = await Client.open(t, `${ws}/live`, { headers });
  const code = program.stop();
  assert.equal((await ann.closed).code, 1001);
  assert.equal(await code, 0);
});
