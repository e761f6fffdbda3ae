// runs on: Vercel Functions | a fake of the documented shape | three lines: `handleUpgrade`
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { GET } from "../src/vercel.js";
import { Client, refusal } from "./support.js";

/** Vercel's runtime, as far as its documentation shows it: a context of each request, which may give `{ req, socket, head }`. */
const context = new AsyncLocalStorage<object>();
Object.assign(globalThis, { [Symbol.for("@vercel/request-context")]: { get: () => context.getStore() } });

test("a function opens WebSockets, and answers other requests with 426", async (t) => {
  const runtime = createServer((_request, response) => {
    const answer = context.run({}, GET);
    response.writeHead(answer.status).end();
  });
  runtime.on("upgrade", (req, socket, head) => {
    assert.equal(context.run({ upgradeWebSocket: () => ({ req, socket, head }) }, GET).status, 204);
  });
  runtime.listen(0, "127.0.0.1");
  await once(runtime, "listening");
  t.after(() => runtime.close());
  const { port } = runtime.address() as AddressInfo;

  const client = await Client.open(t, `ws://127.0.0.1:${port}/api/live`);
  const other = await Client.open(t, `ws://127.0.0.1:${port}/api/live`);
  assert.equal(await client.ask("hello"), "hello");
  assert.equal(await other.text(), "hello");
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/live`)).status, 426);
  const evil = { headers: { origin: "https://evil.example" } };
  assert.equal((await refusal(`ws://127.0.0.1:${port}/api/live`, evil)).status, 403);
  client.socket.close(1000);
  other.socket.close(1000);
  assert.equal((await client.closed).code, 1000);
});
