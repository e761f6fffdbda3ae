import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { startServer } from "../support/live-server.ts";
import { turn, until } from "../support/peer.ts";
import { closeBody, handshake, masked, RawClient } from "../support/raw-client.ts";
import { fill, pausedPeer } from "../support/slow-peer.ts";

/** Seconds: longer than any test. */
const LONG = 600;

/** Blocks this process for this many milliseconds. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("a peer that has not read everything when the server shuts down", () => {
  test("loses nothing when it reads again in time, although closeTimeout is over", async () => {
    const { ws, wss, peer } = await pausedPeer({ closeTimeout: 300 });
    const sent = await fill(ws);
    const ended = wss.terminate(10);
    setTimeout(() => peer.socket.resume(), 600);
    expect(await peer.closed).toEqual([1001, "retry-after=1"]);
    await ended;
    expect(peer.messages.length).toBe(sent);
    expect(wss.counters.messages).toEqual({ accepted: sent, written: sent, dropped: 0, pending: 0 });
    expect(wss.counters.limits.closeTimeout).toBe(0);
  });

  test("is disconnected when the server's time is over, and not before, if it never reads", async () => {
    const { ws, wss } = await pausedPeer({ closeTimeout: 600 });
    const sent = await fill(ws);
    await wss.terminate(1.1);
    expect([wss.terminated, ws.status]).toEqual([true, "Closed"]);
    // It was not closed by closeTimeout.
    expect(wss.counters.limits.closeTimeout).toBe(0);
    const { accepted, written, dropped, pending } = wss.counters.messages;
    expect([accepted, written + dropped, pending]).toEqual([sent, sent, 0]);
    expect(dropped).toBeGreaterThan(0);
  });

  test("has all the time that it needs when its connection alone was closed, if it reads on", async () => {
    const size = 32 * 1024 * 1024;
    const { port, wss } = await startServer({}, { closeTimeout: 500, maxSendQueue: 2 * size });
    const { socket } = await RawClient.open(port);
    socket.removeAllListeners("data");
    // Half a mebibyte, and a pause: this takes longer than closeTimeout.
    let read = 0;
    let last = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      if (Math.floor((read + chunk.length) / 2 ** 19) > Math.floor(read / 2 ** 19)) {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      }
      read += chunk.length;
      last = Buffer.concat([last, chunk]).subarray(-7);
    });
    const ws = wss.connections[0]!;
    ws.send(Buffer.alloc(size));
    ws.close(1000, "bye");
    await once(socket, "end");
    // The header has 10 bytes, the close frame 7.
    expect([read, last.toString("hex")]).toEqual([size + 17, `8805${closeBody(1000, "bye").toString("hex")}`]);
    socket.destroy();
    await until(() => ws.status === "Closed");
    expect(wss.counters.messages).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
  });

  test("has only closeTimeout when its connection alone was closed, if it does not read", async () => {
    const { ws, wss } = await pausedPeer({ closeTimeout: 100 });
    const sent = await fill(ws);
    ws.terminate(1000);
    await until(() => ws.status === "Closed");
    expect(wss.counters.limits.closeTimeout).toBe(1);
    const { accepted, written, dropped, pending } = wss.counters.messages;
    expect([accepted, written + dropped, pending]).toEqual([sent, sent, 0]);
    expect(dropped).toBeGreaterThan(0);
  });
});

test("has closeTimeout to answer when nothing waits for it, however long the server may take", async () => {
  const { port, wss, recorders } = await startServer({}, { closeTimeout: 100 });
  const client = await RawClient.open(port);
  const ended = wss.terminate(LONG);
  expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1001, "retry-after=1") });
  await ended;
  expect(recorders[0]!.end).toEqual([1006, undefined]);
  expect(wss.counters.limits.closeTimeout).toBe(1);
});

describe("a close frame that came while our event loop was blocked counts", () => {
  test.each(["the connection", "the server"])("when %s was terminated", async (who) => {
    const { port, wss, recorders } = await startServer({}, { closeTimeout: 200 });
    const client = await RawClient.open(port);
    await until(() => wss.connections.length === 1);
    // After the timers of this turn and before its sockets.
    await turn();
    let ended: Promise<void> | undefined;
    if (who === "the server") ended = wss.terminate(LONG);
    else wss.connections[0]!.terminate(1000);
    client.write(masked(0x88, closeBody(4000, "mine")));
    client.end();
    stall(400);
    await recorders[0]!.over;
    await ended;
    expect(recorders[0]!.end).toEqual([4000, "mine"]);
    expect(wss.counters.limits.closeTimeout).toBe(0);
  });
});

describe.each([
  ["plain", undefined],
  ["with TLS", certificate],
])("a web server of our own, %s", (_how, tls) => {
  function client(port: number): Promise<RawClient> {
    return tls === undefined ? RawClient.connect(port) : RawClient.connectTls(port, tls.cert);
  }

  /** Connects and sends only these bytes. The promise settles when it is disconnected. */
  async function idler(port: number, bytes: readonly number[]): Promise<{ gone: Promise<unknown> }> {
    const socket = connect({ port, host: "127.0.0.1" }).resume();
    onTestFinished(() => void socket.destroy());
    const gone = new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
    await once(socket, "connect");
    socket.write(Uint8Array.from(bytes));
    return { gone };
  }

  test("answers 503 with Retry-After while it shuts down, and then stops listening", async () => {
    const { port, wss } = await startServer({}, { tls, closeTimeout: 60_000 });
    const silent = await client(port);
    silent.write(handshake());
    await silent.response();
    const ended = wss.terminate(LONG);
    const late = await client(port);
    late.write(handshake());
    const { status, headers, body } = await late.response();
    expect([status, body]).toEqual([503, "The server is going down.\n"]);
    expect(headers.get("retry-after")?.[0]).toMatch(/^([1-9]|10)$/);
    silent.socket.destroy();
    await ended;
    await expect(client(port)).rejects.toThrow("ECONNREFUSED");
  });

  test.each([
    ["nothing", []],
    ["the first bytes of a handshake", tls === undefined ? [0x47, 0x45] : [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
  ])("leaves no client that has sent %s, once terminate has settled", async (_what, bytes) => {
    const { port, wss } = await startServer({}, { tls, handshakeTimeout: 60_000 });
    const idle = await Promise.all(Array.from({ length: 5 }, () => idler(port, bytes)));
    // Earlier connections have been accepted.
    await client(port);
    await wss.terminate(1);
    await Promise.all(idle.map(({ gone }) => gone));
    expect(wss.terminated).toBe(true);
  });
});
