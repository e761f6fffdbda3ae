// runs on: Fastify, with the plugin | fastify | the plugin `hawser/fastify`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, printed, refusal, start } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  program = await start("fastify-plugin.js");
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

const as = (user: string): { headers: { authorization: string } } => ({ headers: { authorization: `User ${user}` } });

test("one hook guards the routes and the WebSockets, and its reply is what the client gets", async (t) => {
  assert.equal((await fetch(`${http}/me`)).status, 401);
  const { status, type, body } = await refusal(`${ws}/chats/1`);
  assert.deepEqual([status, JSON.parse(body)], [401, { error: "Sign in first." }]);
  assert.match(type ?? "", /^application\/json/);

  const ann = await Client.open(t, `${ws}/chats/1`, as("ann"));
  const bob = await Client.open(t, `${ws}/chats/1`, as("bob"));
  const eve = await Client.open(t, `${ws}/chats/2`, as("eve"));
  assert.equal(await ann.ask("hello"), "ann: hello");
  assert.equal(await bob.text(), "ann: hello");
  assert.equal(await eve.ask("alone?"), "eve: alone?");
  assert.equal(await (await fetch(`${http}/online`)).json(), 3);
});

test("an error that is thrown is answered by Fastify's error handler", async () => {
  const { status, body } = await refusal(`${ws}/chats/7`, as("ann"));
  assert.deepEqual(
    [status, JSON.parse(body)],
    [409, { statusCode: 409, error: "Conflict", message: "This chat is full." }],
  );
});

test("404 for another path, 426 for a plain request, 403 for a page of another site, which is logged", async () => {
  assert.equal((await refusal(`${ws}/other`, as("ann"))).status, 404);
  assert.equal((await refusal(`${ws}/me`, as("ann"))).status, 404);
  assert.equal((await fetch(`${http}/chats/1`, as("ann"))).status, 426);
  const { headers } = as("ann");
  assert.equal(
    (await refusal(`${ws}/chats/1`, { headers: { ...headers, origin: "https://evil.example" } })).status,
    403,
  );
  await printed(program, /"reason":"origin","status":403/);
});

test("Fastify logs a handshake as a request with status 101", async () => {
  await printed(program, /"statusCode":101/);
});

test("app.close() closes the WebSockets with 1001, and the process ends", async (t) => {
  const client = await Client.open(t, `${ws}/chats/1`, as("ann"));
  const code = program.stop();
  assert.equal((await client.closed).code, 1001);
  assert.equal(await code, 0);
});
