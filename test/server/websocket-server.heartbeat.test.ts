import { type WSMessageEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WebSocket } from "ws";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { masked, RawClient } from "../support/raw-client.ts";

/** Pings and their answers follow each other quickly. */
const QUICK = { pingInterval: 40, pingTimeout: 40 };

/** A client that leaves the answers to the test. */
const SILENT = { autoPong: false };

/** Waits for this many pings. */
async function pings(socket: WebSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => socket.once("ping", resolve));
}

/** Lets nothing happen in this process for this many milliseconds. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("a peer that falls silent", () => {
  test("is dropped with no close frame, onError is told, and it is counted", async () => {
    const { wss, port, recorders } = await startServer({}, QUICK);
    const peer = await Peer.open(port, "/", [], SILENT);
    const pinged = pings(peer.socket, 1);
    expect(await peer.closed).toEqual([1006, ""]);
    await pinged;
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["error", 208], ["terminate", 1006, undefined]]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), pingTimeout: 1 });
  });

  test("is dropped from among others that answer, which live", async () => {
    const { wss, port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) }, QUICK);
    const lively = await Peer.open(port);
    const dead = await Peer.open(port, "/", [], SILENT);
    await dead.closed;
    await recorders[1]!.over;
    await pings(lively.socket, 3);
    lively.socket.send("still here");
    expect(await lively.received(1)).toEqual(["still here"]);
    expect(wss.counters.limits.pingTimeout).toBe(1);
  });

  test("lives on without pings", async () => {
    const { wss, port } = await startServer({}, { ...QUICK, pingInterval: Infinity, idleTimeout: 60_000 });
    const peer = await Peer.open(port, "/", [], SILENT);
    const asked: Buffer[] = [];
    peer.socket.on("ping", (payload: Buffer) => asked.push(payload));
    // Another server with the same times drops its own meanwhile.
    const other = await startServer({}, QUICK);
    await (
      await Peer.open(other.port, "/", [], SILENT)
    ).closed;
    expect(asked).toEqual([]);
    expect(wss.connections[0]!.status).toBe("Connected");
  });
});

describe("a peer that is there", () => {
  test("lives by its pongs", async () => {
    const { wss, port } = await startServer({}, QUICK);
    const peer = await Peer.open(port);
    await pings(peer.socket, 5);
    expect(wss.connections[0]!.status).toBe("Connected");
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test("lives by any byte that comes, though it never answers a ping", async () => {
    const { wss, port } = await startServer({}, QUICK);
    const client = await RawClient.open(port);
    const message = masked(0x82, Buffer.alloc(100));
    for (let i = 0; i < 6; i++) {
      expect(await client.frame()).toMatchObject({ opcode: 9 });
      client.write(message.subarray(i, i + 1));
    }
    expect(wss.connections[0]!.status).toBe("Connected");
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test("is not asked while it speaks", async () => {
    const { wss, port } = await startServer({ message: (ws, data) => void ws.send(data) }, QUICK);
    const silent = await Peer.open(port);
    const talking = await Peer.open(port);
    let asked = 0;
    talking.socket.on("ping", () => asked++);
    talking.socket.on("message", (data: Buffer) => {
      talking.socket.send(data);
    });
    talking.socket.send("and so on");
    await pings(silent.socket, 5);
    expect(asked).toBe(0);
    expect(wss.connections.length).toBe(2);
  });
});

describe("our own fault", () => {
  test("a peer that is not read, because its handler is busy for long, is not taken for dead", async () => {
    const work = deferred();
    const handler = {
      onConnection: () => ({
        async onMessage(ws: WebSocketConnection, { data }: WSMessageEvent): Promise<void> {
          await work.promise;
          ws.send(data);
        },
      }),
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", ...QUICK });
    onTestFinished(() => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    peer.socket.send("take your time");
    // Each is another `pingInterval` in which nothing of it was read.
    await pings(peer.socket, 5);
    expect(wss.connections[0]!.status).toBe("Connected");
    work.resolve();
    expect(await peer.received(1)).toEqual(["take your time"]);
    await pings(peer.socket, 2);
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test("a stall of the event loop, longer than any peer may take, kills nobody", async () => {
    const { wss, port } = await startServer({ message: (ws, data) => void ws.send(data) }, QUICK);
    const peers = [await Peer.open(port, "/", [], SILENT), await Peer.open(port)];
    for (let round = 0; round < 3; round++) {
      // With a ping on its way, whose answer the stall holds up.
      const payload = await new Promise((resolve) => peers[0]!.socket.once("ping", resolve));
      stall(3 * (QUICK.pingInterval + QUICK.pingTimeout));
      peers[0]!.socket.pong(payload);
      await turn();
    }
    for (const peer of peers) peer.socket.send("still here");
    for (const peer of peers) expect(await peer.received(1)).toEqual(["still here"]);
    expect(wss.connections.length).toBe(2);
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });
});

describe("idleTimeout and maxLifetime", () => {
  test("who neither sends nor is sent a message goes with 1001, whoever talks stays", async () => {
    const options = { ...QUICK, idleTimeout: 200 };
    const { wss, port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) }, options);
    const idle = await Peer.open(port);
    const listening = await Peer.open(port);
    let over = false;
    void idle.closed.then(() => (over = true));
    await until(() => {
      wss.connections.at(-1)!.send("news");
      return over;
    });
    expect(await idle.closed).toEqual([1001, ""]);
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["terminate", 1001, undefined]]);
    expect(wss.connections.map(({ status }) => status)).toEqual(["Connected"]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), idleTimeout: 1 });
    expect(listening.messages.length).toBeGreaterThan(0);
  });

  test("nobody lives longer than maxLifetime, whoever talks", async () => {
    const { wss, port, recorders } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { maxLifetime: 100 },
    );
    const peer = await Peer.open(port);
    peer.socket.on("message", (data: Buffer) => {
      peer.socket.send(data);
    });
    peer.socket.send("and so on");
    expect(await peer.closed).toEqual([1001, ""]);
    await recorders[0]!.over;
    expect(recorders[0]!.end).toEqual([1001, undefined]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxLifetime: 1 });
  });
});
