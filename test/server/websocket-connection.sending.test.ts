import { newHistoryCounters } from "../../src/topics/history-counters.ts";
import type { WebSocketConnection } from "hawser";
import { describe, expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { startServer } from "../support/live-server.ts";
import { Peer, turn, until } from "../support/peer.ts";
import { adds, BIG, fill, NOTHING, pausedPeer } from "../support/slow-peer.ts";

describe("a peer that reads too slowly and then reads again", () => {
  test("send returns false, drained() waits, onDrain comes once, and nothing is lost", async () => {
    const { ws, handler, peer } = await pausedPeer({ highWaterMark: 256 * 1024 });
    expect(await ws.drained()).toBe(true);
    const sent = await fill(ws);
    handler.drains.length = handler.waited.length = 0;
    expect(ws.send(BIG)).toBe(false);
    expect(ws.bufferedAmount).toBeGreaterThan(256 * 1024);
    let waiting = 2;
    const drained = [ws.drained(), ws.drained()];
    for (const one of drained) void one.then(() => waiting--);
    await turn();
    expect(waiting).toBe(2);
    expect(handler.drains).toEqual([]);
    peer.socket.resume();
    expect(await Promise.all(drained)).toEqual([true, true]);
    await peer.received(sent + 1);
    await until(() => handler.drains.length > 0);
    expect(handler.drains).toEqual([[ws, { type: "drain" }, true]]);
    expect(handler.waited[0]).toBeLessThanOrEqual(256 * 1024);
    expect(peer.messages.every((message) => message === BIG)).toBe(true);
    expect(adds(ws.counters)).toEqual({ accepted: sent + 1, written: sent + 1, dropped: 0, pending: 0 });
    expect(await ws.drained()).toBe(true);
  });

  test("it may happen again, and onDrain comes again", async () => {
    const { ws, handler, peer } = await pausedPeer({ highWaterMark: 256 * 1024 });
    for (let round = 1; round <= 3; round++) {
      peer.socket.pause();
      await fill(ws);
      handler.drains.length = 0;
      peer.socket.resume();
      expect(await ws.drained(), `round ${String(round)}`).toBe(true);
      await until(() => handler.drains.length === 1);
    }
    expect(handler.drains.length).toBe(1);
  });

  test("in a loop with drained() not much more than the high-water mark waits", async () => {
    const { ws, peer } = await pausedPeer({ highWaterMark: 128 * 1024 });
    peer.socket.resume();
    let most = 0;
    for (let i = 0; i < 300; i++) {
      if (!ws.send(BIG) && !(await ws.drained())) break;
      most = Math.max(most, ws.bufferedAmount);
    }
    await peer.received(300);
    expect(most).toBeLessThan(128 * 1024 + 2 * BIG.length);
    expect(adds(ws.counters)).toEqual({ ...NOTHING, accepted: 300, written: 300 });
  });
});

describe("a connection that is closed before it drains", () => {
  test("drained() gives false, at once from then on, and onDrain never comes", async () => {
    const { ws, handler, peer, wss } = await pausedPeer({ highWaterMark: 256 * 1024 });
    // The system may take a little more while its connection is reset.
    const more = 16;
    const sent = (await fill(ws)) + more;
    for (let i = 0; i < more; i++) ws.send(BIG);
    handler.drains.length = 0;
    const drained = ws.drained();
    peer.socket.terminate();
    expect(await drained).toBe(false);
    expect(ws.status).toBe("Closed");
    expect(await ws.drained()).toBe(false);
    expect(handler.drains).toEqual([]);
    const { accepted, dropped, pending } = adds(ws.counters);
    expect([accepted, pending]).toEqual([sent, 0]);
    expect(dropped).toBeGreaterThan(0);
    expect(ws.send("too late")).toBe(false);
    expect(ws.counters.accepted).toBe(sent);
    expect(adds(wss.counters.messages)).toEqual(ws.counters);
  });
});

describe("counters", () => {
  test("a connection's and the server's match what the clients received, closed ones too", async () => {
    const { wss, port, recorders } = await startServer();
    expect(wss.counters).toEqual({
      connections: { opened: 0, closed: 0, leaving: 0 },
      tasks: { unfinished: 0 },
      topics: 0,
      topicRequests: { granted: 0, refused: 0, failed: 0, delayed: 0 },
      history: newHistoryCounters(),
      autoResponses: 0,
      messages: NOTHING,
      refused: expect.anything() as unknown,
      limits: newLimitCounters(),
    });
    const peers = [await Peer.open(port), await Peer.open(port)];
    const [a, b] = [...wss.connections] as [WebSocketConnection, WebSocketConnection];
    for (let i = 0; i < 100; i++) a.send(String(i));
    for (const message of ["text", Buffer.of(1), new Blob(["blob"]), { an: "object" }]) b.send(message);
    expect(wss.broadcast("to all")).toBe(2);
    expect(wss.broadcast(new Blob(["to all"]), { except: a })).toBe(1);
    await Promise.all([peers[0]!.received(101), peers[1]!.received(6)]);
    expect(adds(a.counters)).toEqual({ ...NOTHING, accepted: 101, written: 101 });
    expect(adds(b.counters)).toEqual({ ...NOTHING, accepted: 6, written: 6 });
    expect(wss.counters.messages).toEqual({ ...NOTHING, accepted: 107, written: 107 });
    peers[0]!.socket.close();
    await recorders[0]!.over;
    expect(a.send("too late")).toBe(false);
    b.send("one more");
    await peers[1]!.received(7);
    expect(wss.counters.messages).toEqual({ ...NOTHING, accepted: 108, written: 108 });
    expect(wss.counters.connections).toEqual({ opened: 2, closed: 1, leaving: 0 });
  });

  test("what send refuses is not accepted", async () => {
    const { ws } = await pausedPeer();
    expect(() => ws.send(5 as unknown as string)).toThrow(InvalidArgumentError);
    expect(ws.counters).toEqual(NOTHING);
  });
});

describe("a message's key", () => {
  test("is a string or undefined", async () => {
    const { ws, wss, peer } = await pausedPeer();
    peer.socket.resume();
    for (const options of [undefined, {}, { key: undefined }, { key: "" }, { key: "price" }]) {
      expect(ws.send("x", options)).toBe(true);
      expect(wss.broadcast("x", options)).toBe(1);
    }
    expect((await peer.received(10)).length).toBe(10);
    for (const key of [5, null, {}, true, Symbol("x")]) {
      const options = { key } as unknown as { key: string };
      for (const [name, send] of [
        ["send", () => ws.send("x", options)],
        ["broadcast", () => wss.broadcast("x", options)],
      ] as const) {
        expect(send).toThrow(InvalidArgumentError);
        expect(send).toThrow(new RegExp(`^${name}: key: expected a string, got `));
      }
    }
    for (const options of [null, "price", 5]) {
      expect(() => ws.send("x", options as unknown as object)).toThrow(/^send: options: expected an object/);
      expect(() => wss.broadcast("x", options as unknown as object)).toThrow(/^broadcast: options: expected an object/);
    }
    expect(ws.counters.accepted).toBe(10);
  });
});

test.each(["destroy", "the peer resets"])(
  "a large message that the system has not taken is dropped: %s",
  async (how) => {
    const { ws, peer, handler } = await pausedPeer({ maxSendQueue: Infinity });
    ws.send("x".repeat(64 * 1024 * 1024));
    for (let i = 0; i < 5; i++) await turn();
    const drained = ws.drained();
    if (how === "destroy") ws.destroy();
    else peer.socket.terminate();
    expect(await drained).toBe(false);
    await expect.poll(() => ws.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
    expect(handler.drains).toEqual([]);
  },
);
