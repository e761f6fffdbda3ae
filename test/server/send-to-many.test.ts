import { WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { outgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { sendToMany } from "../../src/server/send-to-many.ts";
import type { WebSocketConnection } from "../../src/server/websocket-connection.ts";
import { Peer, portOf, turn } from "../support/peer.ts";

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

test.each(["onError", "a listener to ws.signal"] as const)(
  "all get the messages in one order, although %s of a peer that is closed for its slowness sends to all",
  async (who) => {
    const leave = () => void wss.broadcast("left");
    const wss: WebSocketServer = new WebSocketServer(
      { onConnection: () => ({ onMessage: () => undefined, ...(who === "onError" ? { onError: leave } : {}) }) },
      { port: 0, host: "127.0.0.1", maxSendQueue: 100_000 },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    const first = await Peer.open(port);
    (await Peer.open(port)).socket.pause();
    const [last, slow] = [await Peer.open(port), wss.connections[1]!];
    if (who !== "onError") slow.signal.addEventListener("abort", leave);
    let sent = 0;
    for (; slow.status === "Connected"; sent++) {
      wss.broadcast(String(sent).padEnd(50_000));
      await turn();
    }
    const expected = [...Array.from({ length: sent }, (_, i) => String(i)), "left"];
    for (const peer of [first, last])
      expect((await peer.received(sent + 1)).map((text) => String(text).trim())).toEqual(expected);
  },
);
