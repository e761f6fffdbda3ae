import { expect, test } from "vitest";
import { connectionOf } from "../../src/server/connection-of.ts";
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
