// runs on: vscode-jsonrpc | vscode-jsonrpc | `streamHandler`
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import {
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  createMessageConnection,
} from "vscode-jsonrpc/node";
import { WebSocket, createWebSocketStream } from "ws";
import { type Running, start } from "./support.js";

async function serve(t: TestContext): Promise<Running> {
  const program = await start("vscode-jsonrpc.js");
  t.after(() => program.stop());
  return program;
}

async function clientOf(t: TestContext, port: number): Promise<{ rpc: MessageConnection; socket: WebSocket }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  const stream = createWebSocketStream(socket);
  stream.on("error", () => {}); // of the end that a test causes
  const rpc = createMessageConnection(new StreamMessageReader(stream), new StreamMessageWriter(stream));
  rpc.listen();
  t.after(() => {
    rpc.dispose();
    socket.terminate();
  });
  return { rpc, socket };
}

test("requests in both directions", async (t) => {
  const program = await serve(t);
  const { rpc } = await clientOf(t, program.port);
  assert.equal(await rpc.sendRequest("add", 1, 2), 3);
  rpc.onRequest("name", () => "Ann");
  assert.equal(await rpc.sendRequest("greet"), "Hello, Ann!");
  const sums = await Promise.all(Array.from({ length: 1000 }, (_, i) => rpc.sendRequest<number>("add", i, i)));
  assert.deepEqual(
    sums,
    Array.from({ length: 1000 }, (_, i) => 2 * i),
  );
  await assert.rejects(rpc.sendRequest("nothing"), /Unhandled method nothing/);
  assert.equal(program.output(), "");
});

test("the server ends the stream with 1000, and a server that ends closes with 1001", async (t) => {
  const program = await serve(t);
  const one = await clientOf(t, program.port);
  const closed = once(one.socket, "close");
  await one.rpc.sendNotification("bye");
  assert.equal((await closed)[0], 1000);
  const other = await clientOf(t, program.port);
  const ended = once(other.socket, "close");
  assert.equal(await program.stop(), 0);
  assert.equal((await ended)[0], 1001);
  assert.equal(program.output(), "");
});
