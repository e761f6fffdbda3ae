// runs on: ws, the server's API | ws | `WsServer` for `WebSocketServer`
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, refusal, start } from "./support.js";

test("a program that was written for ws", async (t) => {
  const program = await start("from-ws.js");
  const url = `ws://127.0.0.1:${program.port}`;
  const [ann, bob] = [await Client.open(t, `${url}/?name=ann`), await Client.open(t, url)];
  assert.equal(await ann.ask("hello"), "ann: hello");
  assert.equal(await bob.text(), "ann: hello");
  // What is different: pages of other sites are refused, and the end closes the clients.
  assert.equal((await refusal(url, { headers: { origin: "https://evil.example" } })).status, 403);
  assert.equal(await program.stop(), 0);
  assert.equal((await ann.closed).code, 1001);
});
