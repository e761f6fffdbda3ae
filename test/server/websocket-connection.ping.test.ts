import { describe, expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { Peer, until } from "../support/peer.ts";

describe("ping", () => {
  test("gives the milliseconds of a round trip, with or without a pingInterval", async () => {
    for (const pingInterval of [30_000, Infinity]) {
      const { wss, port } = await startServer({}, { pingInterval });
      await Peer.open(port);
      const roundTrip = await wss.connections[0]!.ping();
      expect(roundTrip).toBeTypeOf("number");
      expect(roundTrip).toBeGreaterThan(0);
    }
  });

  test("sends one ping at a time: a second call waits for the same pong", async () => {
    const { wss, port } = await startServer();
    const peer = await Peer.open(port);
    const payloads: string[] = [];
    peer.socket.on("ping", (payload: Buffer) => payloads.push(payload.toString("hex")));
    const ws = wss.connections[0]!;
    const [first, second] = await Promise.all([ws.ping(), ws.ping()]);
    expect(first).toBe(second);
    await ws.ping();
    expect(payloads.length).toBe(2);
    expect(new Set(payloads).size).toBe(2);
  });

  test("ignores a pong with another payload", async () => {
    const { wss, port, recorders } = await startServer();
    const peer = await Peer.open(port, "/", [], { autoPong: false });
    const asked = new Promise<Buffer>((resolve) => peer.socket.once("ping", resolve));
    let answered = false;
    const roundTrip = wss.connections[0]!.ping().finally(() => (answered = true));
    const payload = await asked;
    peer.socket.pong("nobody asked");
    peer.socket.pong();
    peer.socket.send("after them");
    await until(() => recorders[0]!.messages.length === 1);
    expect(answered).toBe(false);
    peer.socket.pong(payload);
    expect(await roundTrip).toBeTypeOf("number");
  });

  test("gives undefined when the connection is closed before the pong, and always after that", async () => {
    const { wss, port, recorders } = await startServer();
    const peer = await Peer.open(port, "/", [], { autoPong: false });
    const ws = wss.connections[0]!;
    const roundTrips = [ws.ping(), ws.ping()];
    peer.socket.terminate();
    expect(await Promise.all(roundTrips)).toEqual([undefined, undefined]);
    await recorders[0]!.over;
    expect(await ws.ping()).toBeUndefined();
  });
});
