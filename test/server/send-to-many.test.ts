import { WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { outgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { sendToMany } from "../../src/server/send-to-many.ts";
import type { WebSocketConnection } from "../../src/server/websocket-connection.ts";

test("all get the message but those that are closing, and those in except", async () => {
  const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => undefined }) });
  onTestFinished(() => wss.terminate(0));
  const clients = [await connect(wss), await connect(wss), await connect(wss)];
  const all = [...wss.connections] as unknown as WebSocketConnection[];
  expect(sendToMany(outgoingMessage("1"), { from: all, except: undefined })).toBe(3);
  expect(sendToMany(outgoingMessage("2"), { from: all, except: new Set([all[0]!]) })).toBe(2);
  for (const client of clients) expect((await client.next()).value).toBe("1");
  for (const client of clients.slice(1)) expect((await client.next()).value).toBe("2");
  all[1]!.close();
  expect(sendToMany(outgoingMessage("3"), { from: all, except: new Set([all[0]!]) })).toBe(1);
  expect((await clients[2]!.next()).value).toBe("3");
});
