// runs on: h3, with the hooks of crossws | h3, crossws | `crosswsAdapter` of `hawser/crossws`
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Client, type Running, chatApart, refusal, start } from "./support.js";

let program: Running;
let http = "";
let ws = "";
before(async () => {
  program = await start("h3-crossws.js");
  http = `http://127.0.0.1:${program.port}`;
  ws = `ws://127.0.0.1:${program.port}`;
});

test("hooks, peers and topics of a route of h3", async (t) => {
  await chatApart(t, ws);
  assert.equal(await (await fetch(`${http}/online`)).json(), 3);
});

test("426 for a plain request, 403 for a page of another site, 404 on another path", async () => {
  assert.equal((await fetch(`${http}/chats/1`)).status, 426);
  assert.equal((await refusal(`${ws}/chats/1`, { headers: { origin: "https://evil.example" } })).status, 403);
  for (const path of ["/", "/online", "/other"]) assert.equal((await refusal(ws + path)).status, 404);
  assert.equal((await fetch(`${http}/other`)).status, 404);
});

test("SIGTERM closes the WebSockets with 1001, and the process ends", async (t) => {
  const client = await Client.open(t, `${ws}/chats/1`);
  const code = program.stop();
  assert.equal((await client.closed).code, 1001);
  assert.equal(await code, 0);
});
