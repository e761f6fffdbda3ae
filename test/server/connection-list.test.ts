import { WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { connectionsOf } from "../../src/server/connection-list.ts";
import type { WebSocketConnection } from "../../src/server/websocket-connection.ts";

async function connection(): Promise<WebSocketConnection> {
  const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => undefined }) });
  onTestFinished(() => wss.terminate(0));
  await connect(wss);
  return wss.connections[0] as unknown as WebSocketConnection;
}

test("one connection, or a list in which one may come twice, is a set", async () => {
  const one = await connection();
  expect([...connectionsOf("to", one)!]).toEqual([one]);
  expect([...connectionsOf("to", [one, one])!]).toEqual([one]);
  expect([...connectionsOf("to", new Set<WebSocketConnection>())!]).toEqual([]);
  expect([connectionsOf("to", undefined), connectionsOf("to", null)]).toEqual([undefined, undefined]);
});

test("what is no connection is refused", () => {
  for (const list of ["a", 5, {}])
    expect(() => connectionsOf("to", list as never)).toThrow(/^to: expected a connection/);
  expect(() => connectionsOf("to", 5 as never, true)).toThrow("or a function");
  expect(() => connectionsOf("except", [{}] as never)).toThrow("except: expected connections in the list");
});
