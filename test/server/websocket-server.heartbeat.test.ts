import { type WSMessageEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WebSocket } from "ws";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { masked, RawClient } from "../support/raw-client.ts";

/** Pings and their answers follow each other quickly. */
const QUICK = { pingInterval: 40, pingTimeout: 40 };

/** A client whose pongs the test sends. */
const SILENT = { autoPong: false };

/** Waits for this many pings. */
async function pings(socket: WebSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => socket.once("ping", resolve));
}

/** Blocks this process for this many milliseconds. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("a peer that becomes silent", () => {
  test("is dropped without a close frame, with onError, and counted", async () => {
    const { wss, port, recorders } = await startServer({}, QUICK);
    const peer = await Peer.open(port, "/", [], SILENT);
    const pinged = pings(peer.socket, 1);
    expect(await peer.closed).toEqual([1006, ""]);
    await pinged;
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["error", 208], ["terminate", 1006, undefined]]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), pingTimeout: 1 });
  });

  test("is dropped while others that answer stay", async () => {
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

  test("stays without pings", async () => {
    const { wss, port } = await startServer({}, { ...QUICK, pingInterval: Infinity, idleTimeout: 60_000 });
    const peer = await Peer.open(port, "/", [], SILENT);
    const asked: Buffer[] = [];
    peer.socket.on("ping", (payload: Buffer) => asked.push(payload));
    // Another server with the same times and pings drops its client meanwhile.
    const other = await startServer({}, QUICK);
    await (
      await Peer.open(other.port, "/", [], SILENT)
    ).closed;
    expect(asked).toEqual([]);
    expect(wss.connections[0]!.status).toBe("Connected");
  });
});

describe("a live peer", () => {
  test("stays because of its pongs", async () => {
    const { wss, port } = await startServer({}, QUICK);
    const peer = await Peer.open(port);
    await pings(peer.socket, 5);
    expect(wss.connections[0]!.status).toBe("Connected");
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test("stays because of any byte, though it never answers a ping", async () => {
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

  test("is not pinged while it sends", async () => {
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

describe("a delay on our side", () => {
  test("a peer that is not read, because its handler is pending for long, is not dropped", async () => {
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
    // Each is another `pingInterval` in which none of its bytes were read.
    await pings(peer.socket, 5);
    expect(wss.connections[0]!.status).toBe("Connected");
    work.resolve();
    expect(await peer.received(1)).toEqual(["take your time"]);
    await pings(peer.socket, 2);
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test.each(["resets", "ends"] as const)(
    "a peer that is not read and %s its connection is noticed by the pings that are still sent",
    async (how) => {
      const never = (): Promise<void> => new Promise(() => undefined);
      const pinging = await startServer({ message: never }, QUICK);
      const silent = await startServer({ message: never }, { pingInterval: Infinity });
      const clients = await Promise.all([RawClient.open(pinging.port), RawClient.open(silent.port)]);
      // More than is read ahead.
      for (const client of clients) client.write(...Array.from({ length: 300 }, () => masked(0x82, "x".repeat(1000))));
      for (let count = 0; count < 3; count++) expect(await clients[0].frame()).toMatchObject({ opcode: 9 });
      await until(() => silent.recorders[0]!.messages.length === 1);
      for (let count = 0; count < 20; count++) await turn();
      for (const { socket } of clients) {
        if (how === "resets") socket.resetAndDestroy();
        else socket.destroy();
      }
      await until(() => pinging.wss.connections.length === 0);
      // `onTerminate` waits for the handler.
      expect(pinging.recorders[0]!.calls).toHaveLength(2);
      // The one that is not written to notices nothing.
      expect(silent.wss.connections[0]!.status).toBe("Connected");
    },
  );

  test("a blocked event loop, longer than the timeout of a peer, drops no peer", async () => {
    const { wss, port } = await startServer({ message: (ws, data) => void ws.send(data) }, QUICK);
    const peers = [await Peer.open(port, "/", [], SILENT), await Peer.open(port)];
    for (let round = 0; round < 3; round++) {
      // A ping is pending, and the blocked event loop delays its pong.
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
  test("a client without messages in either direction is closed with 1001, an active one stays", async () => {
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
    expect(await idle.closed).toEqual([1001, "idle timeout"]);
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["terminate", 1001, "idle timeout"]]);
    expect(wss.connections.map(({ status }) => status)).toEqual(["Connected"]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), idleTimeout: 1 });
    expect(listening.messages.length).toBeGreaterThan(0);
  });

  test("no connection lives longer than maxLifetime, active or not", async () => {
    const { wss, port, recorders } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { maxLifetime: 100 },
    );
    const peer = await Peer.open(port);
    peer.socket.on("message", (data: Buffer) => {
      peer.socket.send(data);
    });
    peer.socket.send("and so on");
    expect(await peer.closed).toEqual([1001, "max lifetime"]);
    await recorders[0]!.over;
    expect(recorders[0]!.end).toEqual([1001, "max lifetime"]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxLifetime: 1 });
  });
});
