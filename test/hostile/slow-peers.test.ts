import { type WSTerminateEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { sendBudget } from "../../src/connection/sending/send-budget.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { closeBody, masked, RawClient } from "../support/raw-client.ts";
import { ownPort } from "../support/transport.ts";
import { close, Session } from "../support/session.ts";
import { SlowBlob } from "../support/slow-blob.ts";
import { adds, BIG, pausedPeer } from "../support/slow-peer.ts";
import { came, flow } from "../support/slow-session.ts";
import { Wire, turns as wireTurns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";

const KIB = 1024;

/** Turns of the event loop in which an endless loop would have run many times. */
async function turns(): Promise<void> {
  for (let i = 0; i < 200; i++) await turn();
}

/** Sends short texts until the last one waits in the socket itself, after the queue of Node's stream. */
async function stickDirectly(ws: WebSocketConnection): Promise<void> {
  for (let quiet = 0; quiet < 10;) {
    if (ws.bufferedAmount === 0) {
      quiet = 0;
      // Different texts: a repeated text takes another code path.
      for (let i = 0; i < 20; i++) ws.send("x".repeat(400) + String(i));
      await turn();
    } else {
      quiet++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

test("a peer that reads slowly but steadily is not dead", async () => {
  const { port, wss, recorders } = await startServer({}, { pingInterval: 200, pingTimeout: 800 });
  const client = await RawClient.open(port);
  client.socket.removeAllListeners("data").pause();
  const SIZE = 2_000 * KIB;
  wss.connections[0]!.send(new Uint8Array(SIZE));
  const over = recorders[0]!.over.then(() => true);
  // A megabyte in a second: the peer reads the ping after it two seconds later.
  for (let got = 0; got < SIZE;) {
    const dead = await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 50))]);
    if (dead === true) break;
    const { readableLength } = client.socket;
    const part = client.socket.read(Math.min(50 * KIB, readableLength)) as Buffer | null;
    got += part?.length ?? 0;
  }
  client.socket.resume();
  client.write(masked(0x81, "all there"));
  await Promise.race([over, until(() => recorders[0]!.messages.length === 1)]);
  expect(recorders[0]!.calls).toEqual([["open"], ["message", "all there"]]);
  expect(wss.counters.limits.pingTimeout).toBe(0);
});

describe("drained() for a peer that never reads settles", () => {
  const BYE = masked(0x88, closeBody(1000));
  const PINGS = { pingInterval: 50, pingTimeout: 50 };
  const LIFE = { pingInterval: Infinity, maxLifetime: 500 };

  test.each([
    ["pingTimeout", "a request", [], PINGS, 1006],
    ["maxLifetime", "a request", [], LIFE, 1006],
    ["closeTimeout", "its close frame with a request: at once", [BYE], PINGS, 1000],
    ["closeTimeout", "its close frame with a request: at once, without pings", [BYE], LIFE, 1000],
  ] as const)("at %s, when the peer has sent %s", async (limit, _what, more, options, code) => {
    const told: boolean[] = [];
    const over = deferred<number>();
    class Sending {
      async onMessage(ws: WebSocketConnection): Promise<void> {
        while (told.at(-1) !== false) if (!ws.send(BIG)) told.push(await ws.drained());
      }
      onTerminate(_ws: unknown, event: WSTerminateEvent): void {
        over.resolve(event.code);
      }
    }
    const place = { ...(await ownPort()), closeTimeout: 100 };
    const wss = new WebSocketServer({ onConnection: () => new Sending() }, { ...place, ...options });
    onTestFinished(() => wss.terminate(0));
    const client = await RawClient.open(await portOf(wss));
    client.socket.pause();
    client.write(masked(0x81, "go"), ...more);
    expect(await over.promise).toBe(code);
    expect(told.at(-1)).toBe(false);
    expect(wss.counters.limits[limit]).toBe(1);
  });
});

test("a peer that closes gets our close frame after its unread messages, also with highWaterMark 0", async () => {
  const session = new Session({}, { highWaterMark: 0, stream: new Wire({ highWaterMark: 16 * KIB }) });
  await wireTurns(2);
  session.stream.stick();
  // The queue is found full in the turn in which the connection ends, while the stream is not full.
  session.connection.send(outgoing("first"));
  session.connection.send(outgoing("answer"));
  session.receive(close(4000));
  await wireTurns(3);
  expect(session.stream.destroyed).toBe(false);
  await flow(session);
  expect(came(session)).toEqual(["first", "answer", "close 4000"]);
  expect(session.stream.writableFinished).toBe(true);
});

test.each(["drop-oldest", "latest"] as const)(
  "%s never closes a peer for messages that wait for a Blob",
  async (policy) => {
    const { ws, wss, handler, peer } = await pausedPeer({ sendQueuePolicy: policy, maxSendQueue: 1000 });
    peer.socket.resume();
    const blob = new SlowBlob("x".repeat(2000));
    ws.send(blob);
    for (let i = 0; i < 100; i++) ws.send(`message ${i}`, { key: `key ${i % 3}` });
    blob.read();
    await until(() => ws.counters.pending === 0);
    ws.send("the last");
    await until(() => peer.messages.at(-1) === "the last");
    expect([ws.status, handler.errors]).toEqual(["Connected", []]);
    expect(peer.messages[0]).toEqual(Buffer.from("x".repeat(2000)));
    expect(adds(ws.counters).written).toBe(peer.messages.length);
    expect(wss.counters.limits.maxSendQueue).toBeGreaterThan(0);
  },
);

test("beyond maxTotalSendQueue drop-newest calls onDrain once messages are accepted again, and drained() waits for it", async () => {
  const { ws, handler, peer } = await pausedPeer({ sendQueuePolicy: "drop-newest", maxTotalSendQueue: 100_000 });
  const full = deferred();
  // Far below highWaterMark, which alone would allow more messages.
  for (let quiet = 0; quiet < 20; quiet++) {
    if (ws.bufferedAmount < 20_000) {
      ws.send("x".repeat(16_000));
      quiet = 0;
    }
    await turn();
  }
  ws.send("x".repeat(400_000));
  await turn();
  expect(ws.send("one too many")).toBe(false);
  expect(ws.counters.dropped).toBe(1);
  const drained = ws.drained().then((there) => {
    full.resolve();
    return there;
  });
  expect(await Promise.race([full.promise, turns().then(() => "waits")])).toBe("waits");
  expect(handler.drains.length).toBe(0);
  peer.socket.resume();
  expect(await drained).toBe(true);
  await until(() => handler.drains.length > 0);
  await turns();
  expect(handler.drains.length).toBe(1);
});

test("the send budget still counts a full connection after one of our pings", async () => {
  const { ws, peer } = await pausedPeer({ pingInterval: Infinity });
  await stickDirectly(ws);
  for (let i = 0; i < 64; i++) ws.send(BIG);
  await turn();
  const before = sendBudget.total;
  expect(before).toBeGreaterThan(60 * BIG.length);
  void ws.ping();
  expect(sendBudget.total).toBeGreaterThanOrEqual(before);
  await turns();
  expect(sendBudget.total).toBeGreaterThanOrEqual(before);
  peer.socket.resume();
  await until(() => sendBudget.total === 0 && ws.bufferedAmount === 0);
});

test("six hundred thousand short texts after a Blob arrive in order", async () => {
  const { port, wss } = await startServer({}, { maxSendQueue: Infinity });
  const peer = await Peer.open(port);
  const ws = wss.connections[0]!;
  const COUNT = 600_000;
  ws.send(new Blob(["first"]));
  for (let i = 0; i < COUNT; i++) ws.send(String(i));
  await until(() => peer.messages.length === COUNT + 1);
  expect(peer.messages[0]).toEqual(Buffer.from("first"));
  expect(peer.messages.findIndex((text, i) => i > 0 && text !== String(i - 1))).toBe(-1);
  expect(ws.counters).toEqual({ accepted: COUNT + 1, written: COUNT + 1, dropped: 0, pending: 0 });
});
