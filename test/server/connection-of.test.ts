import { expect, test } from "vitest";
import { SendResult } from "../../src/connection/sending/send-result.ts";
import { connectionOf, sendWithResult } from "../../src/server/connection-of.ts";
import { startServer } from "../support/live-server.ts";
import { Peer, until } from "../support/peer.ts";

test("a user's connection gives the internal one, and nothing else does", async () => {
  const { wss, port } = await startServer();
  await Peer.open(port);
  await until(() => wss.connections.length === 1);
  const [connection] = wss.connections;
  expect(connectionOf(connection!).publicConnection).toBe(connection);
  expect(() => connectionOf({} as never)).toThrow(TypeError);
});

test("a message is sent with a result that tells whether it was dropped", async () => {
  const { wss, port } = await startServer();
  await Peer.open(port);
  await until(() => wss.connections.length === 1);
  const [connection] = wss.connections;
  expect(sendWithResult(connection!, "text")).toBe(SendResult.accepted);
  connection!.close();
  expect(sendWithResult(connection!, "too late")).toBe(SendResult.dropped);
  expect(() => sendWithResult(connection!, Symbol("none"))).toThrow(TypeError);
});
