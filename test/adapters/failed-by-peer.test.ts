import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocketConnection, WebSocketServer, type WSMessageEvent, type WSServerErrorEvent } from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { failedByPeer } from "../../src/adapters/failed-by-peer.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { errorEvent } from "../../src/connection/dispatch/events.ts";

/** The event that a server's `onError` gets after a client has done something. */
async function eventAfter(act: (socket: WebSocket) => void): Promise<WSServerErrorEvent> {
  const onError = vi.fn<(wss: unknown, event: WSServerErrorEvent) => void>();
  const echo = {
    onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent): void {
      throw new Error(data);
    },
  };
  const wss = new WebSocketServer({ onConnection: () => echo, onError }, { port: 0, maxMessageSize: 10 });
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const socket = new WebSocket(`ws://127.0.0.1:${String((wss.address() as AddressInfo).port)}`);
  socket.on("error", () => {}); // it may be cut
  await once(socket, "open");
  act(socket);
  await vi.waitFor(() => {
    expect(onError).toHaveBeenCalled();
  });
  return onError.mock.calls[0]![1];
}

describe("failedByPeer", () => {
  test("a message that is too long is the peer's failure", async () => {
    expect(failedByPeer(await eventAfter((socket) => socket.send("more than ten")))).toBe(true);
  });

  test("a handler that throws is not", async () => {
    expect(failedByPeer(await eventAfter((socket) => socket.send("boom")))).toBe(false);
  });

  test("a failure of the server is not, nor one of the library", async () => {
    const { connection } = await eventAfter((socket) => socket.send("boom"));
    const reset = errorEvent(Object.assign(new Error("reset"), { code: "ECONNRESET", errno: -104 }), "library");
    expect(failedByPeer(reset)).toBe(false);
    expect(failedByPeer({ ...reset, connection: connection! })).toBe(true);
    const internal = errorEvent(new HawserError("HWS_INTERNAL"), "library");
    expect(failedByPeer({ ...internal, connection: connection! })).toBe(false);
  });
});
