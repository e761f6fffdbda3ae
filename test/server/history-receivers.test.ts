import { WebSocketServer, type WebSocketConnection } from "hawser";
import { expect, onTestFinished, test, vi } from "vitest";
import { asBytes } from "../../src/protocol/bytes.ts";
import { BackplaneErrors } from "../../src/server/backplane-errors.ts";
import { HistoryReceivers } from "../../src/server/history-receivers.ts";
import { Peer, portOf, until } from "../support/peer.ts";

const TEXT = { header: undefined, isBinary: false, mayCompress: true, payload: asBytes(Buffer.from("tëxt")) };

const LIMITS = { highWaterMark: 100_000, maxSendQueue: 1_000_000, maxTotalSendQueue: 1_000_000_000 };

async function rig() {
  const handler = { onMessage: () => undefined, onGap: vi.fn() };
  const wss = new WebSocketServer(
    { onConnection: () => handler },
    { port: 0, host: "127.0.0.1", highWaterMark: 100_000 },
  );
  onTestFinished(() => wss.terminate(0));
  const peer = await Peer.open(await portOf(wss));
  const dispatchError = vi.fn();
  const ws = wss.connections[0] as unknown as WebSocketConnection;
  return {
    handler,
    peer,
    dispatchError,
    ws,
    receivers: new HistoryReceivers(LIMITS, new BackplaneErrors({ isTerminated: false, dispatchError })),
  };
}

test("text is sent as text, and bytes as bytes, with a header line or without one", async () => {
  const { peer, receivers, ws } = await rig();
  expect(receivers.send(ws, receivers.share(TEXT))).toBe("accepted");
  receivers.send(ws, receivers.share({ ...TEXT, header: "\x1em\n", isBinary: true }));
  await until(() => peer.messages.length === 2);
  expect(peer.messages).toEqual(["tëxt", Buffer.from("\x1em\ntëxt")]);
});

test("no policy drops it", async () => {
  const { receivers } = await rig();
  expect(receivers.share(TEXT)).toMatchObject({ isKept: true, key: undefined });
});

test("a connection is congested when too many bytes wait, or when it is closing", async () => {
  const { peer, receivers, ws } = await rig();
  expect(receivers.isCongested(ws)).toBe(false);
  peer.socket.pause();
  while (!receivers.isCongested(ws)) {
    ws.send("x".repeat(50_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const drained = receivers.drained(ws);
  peer.socket.resume();
  expect(await drained).toBe(true);
  expect(receivers.isCongested(ws)).toBe(false);
  ws.destroy();
  expect([receivers.isCongested(ws), receivers.send(ws, receivers.share(TEXT))]).toEqual([true, "dropped"]);
  expect(await receivers.drained(ws)).toBe(false);
});

test("a gap is told to the handler of the connection, a failure to that of the server", async () => {
  const { handler, dispatchError, receivers, ws } = await rig();
  const event = { type: "gap", topic: "a", reason: "reset", position: "p" } as const;
  receivers.onGap(ws, event);
  expect(handler.onGap).toHaveBeenCalledWith(ws, event);
  const error = new Error("away");
  receivers.onFailed("read", error);
  expect(dispatchError.mock.calls[0]![0]).toBe(error);
});
