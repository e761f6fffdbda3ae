import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import type { ServerOptions, WebSocket } from "ws";
import type { Job } from "./job.ts";
import { hold, run } from "./run.ts";

const job: Job = {
  kind: "echo",
  port: 0,
  serverPids: [process.pid],
  dialect: "plain",
  route: "/echo",
  format: "text",
  connections: 3,
  size: 1024,
  depth: 4,
  messages: 0,
  varied: true,
  compressed: true,
  rate: 0,
  warmup: 0.05,
  // Long enough for an answer on a machine with other work.
  seconds: 1,
};

const echo = (ws: WebSocket): unknown => ws.on("message", (data) => ws.send(String(data)));

/** Runs an action with a server of ws. */
async function withServer(
  perMessageDeflate: ServerOptions["perMessageDeflate"],
  onConnection: (ws: WebSocket) => unknown,
  action: (port: number, server: WebSocketServer) => Promise<void>,
): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...(perMessageDeflate && { perMessageDeflate }) });
  server.on("connection", (ws) => {
    ws.on("error", () => undefined);
    onConnection(ws);
  });
  await once(server, "listening");
  try {
    await action((server.address() as AddressInfo).port, server);
  } finally {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("compressed answers are counted, with and without context takeover", async () => {
  for (const serverNoContextTakeover of [false, true]) {
    await withServer({ threshold: 0, serverNoContextTakeover }, echo, async (port) => {
      const sample = await run({ ...job, port });
      assert.ok(sample.count > 0);
      assert.ok(sample.wireBytes! > 50 && sample.wireBytes! < 700, String(sample.wireBytes));
    });
  }
});

test("in a fan-out each connection receives the messages of the first one", async () => {
  const receivers = new Set<WebSocket>();
  const toAll = (ws: WebSocket): unknown => {
    receivers.add(ws);
    return ws.on("message", (data) => receivers.forEach((receiver) => receiver.send(String(data))));
  };
  await withServer({ threshold: 0 }, toAll, async (port) => {
    assert.ok((await run({ ...job, port, kind: "fan" })).count > 0);
  });
});

test("a server that does not agree to compress fails, and one that agrees and sends plain answers", async () => {
  await withServer(false, echo, async (port) => {
    await assert.rejects(run({ ...job, port }), /did not agree to compress/);
  });
  await withServer({ threshold: 100_000, serverNoContextTakeover: true }, echo, async (port) => {
    await assert.rejects(run({ ...job, port }), /an answer is not compressed/);
  });
});

test("a server that answers with another message fails", async () => {
  const wrong = (ws: WebSocket): unknown => ws.on("message", () => ws.send("x".repeat(1024)));
  await withServer({ threshold: 0 }, wrong, async (port) => {
    await assert.rejects(run({ ...job, port }), /not the message that was sent/);
  });
});

test("a window that is smaller than the messages is refused", async () => {
  await withServer({ threshold: 0, clientMaxWindowBits: 9 }, echo, async (port) => {
    await assert.rejects(run({ ...job, port }), /a window of 512 bytes, the messages need 1024/);
  });
});

test("held connections exchange their messages, and more when that is asked for", async () => {
  let messages = 0;
  const counted = (ws: WebSocket): unknown => ws.on("message", () => messages++) && echo(ws);
  await withServer({ threshold: 0 }, counted, async (port) => {
    const held = await hold({ ...job, kind: "idle", port, messages: 5 });
    assert.equal(messages, 3 * 5);
    await held.exchange(7);
    assert.equal(messages, 3 * 12);
    held.release();
  });
});
