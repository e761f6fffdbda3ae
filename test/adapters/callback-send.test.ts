import { WebSocketServer } from "hawser";
import { streamHandler } from "hawser/streams";
import type { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { notConnected } from "../../src/adapters/callback-send.ts";
import { Peer, portOf } from "../support/peer.ts";

test("a write calls back later, and with an error if the connection has gone", async () => {
  let stream: Duplex | undefined;
  const wss = new WebSocketServer(
    { onConnection: () => streamHandler((one) => void (stream = one)) },
    { port: 0, host: "127.0.0.1", dataType: "blob" },
  );
  onTestFinished(() => wss.terminate(0));
  const peer = await Peer.open(await portOf(wss));
  await expect.poll(() => stream).toBeDefined();
  const calls: unknown[] = [];
  const write = (): Promise<void> =>
    new Promise((resolve) => {
      stream!.write("a", (error) => {
        calls.push(error ?? "sent");
        resolve();
      });
      calls.push("returned");
    });
  await write();
  peer.socket.terminate();
  await expect.poll(() => wss.connections.length).toBe(0);
  await write();
  expect(calls).toEqual(["returned", "sent", "returned", expect.any(Error)]);
});

test("the error says that the message may not have arrived", () => {
  expect(notConnected()).toMatchObject({ code: "HWS_NOT_CONNECTED" });
});
