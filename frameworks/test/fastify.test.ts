// runs on: Fastify, without the plugin | fastify | three lines: the option `server`, and the hook `preClose`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, refusal, start } from "./support.js";

let program: Running;
let ws = "";
before(async () => {
  program = await start("fastify.js");
  ws = `ws://127.0.0.1:${program.port}`;
});

test("WebSockets beside the routes; 404 for another path", async (t) => {
  const client = await Client.open(t, `${ws}/live`);
  assert.equal(await client.ask("hello"), "hello");
  assert.equal(await (await fetch(`http://127.0.0.1:${program.port}/online`)).json(), 1);
  assert.equal((await refusal(`${ws}/other`)).status, 404);
});

test("app.close() closes the WebSockets with 1001, and the process ends", async (t) => {
  const client = await Client.open(t, `${ws}/live`);
  const code = program.stop();
  assert.equal((await client.closed).code, 1001);
  assert.equal(await code, 0);
});
