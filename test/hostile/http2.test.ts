import type { AddressInfo } from "node:net";
import { WebSocketServer, type WSConnectionEvent, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { Http2Flag, Http2Type, connectHeaders, http2Frame, http2Headers, http2Number } from "../support/http2-bytes.ts";
import { WireSession } from "../support/http2-wire.ts";
import { type Deferred, deferred, until } from "../support/peer.ts";
import { masked } from "../support/raw-client.ts";

// Attacks with the frames of HTTP/2. What is attacked with the frames of WebSocket is in the other files, which run over HTTP/2 too.

interface Attacked {
  readonly wss: WebSocketServer;
  readonly url: string;
  /** The calls of `onRefused`. */
  readonly refused: (readonly [status: number | undefined, reason: string])[];
  /** The calls of `onConnection`. */
  asked: number;
  /** The codes of `onTerminate`. */
  readonly ended: number[];
  /** The messages of `onError`. */
  readonly errors: string[];
}

/** A server on a port of its own. `gate` lets each `onConnection` wait. */
async function start(options: WebSocketServerOptions = {}, gate?: Deferred): Promise<Attacked> {
  const attacked = { refused: [], asked: 0, ended: [], errors: [] } as unknown as Attacked;
  const handler = {
    onMessage: () => undefined,
    onTerminate: (_ws: unknown, { code }: { code: number }) => void attacked.ended.push(code),
    onError: (_ws: unknown, { errors: [{ message }] }: { errors: readonly [{ message: string }, ...unknown[]] }) =>
      void attacked.errors.push(message),
  };
  const wss = new WebSocketServer(
    {
      onConnection: async (_wss, _event: WSConnectionEvent) => {
        attacked.asked++;
        await gate?.promise;
        return handler;
      },
      onRefused: (_wss, { status, reason }) => void attacked.refused.push([status, reason]),
      onError: handler.onError,
    },
    { port: 0, host: "127.0.0.1", tls: certificate, ...options },
  );
  onTestFinished(async () => {
    gate?.resolve();
    await wss.terminate(0);
  });
  await wss.ready;
  return Object.assign(attacked, { wss, url: `https://127.0.0.1:${(wss.address() as AddressInfo).port}` });
}

/** Checks that a client without mistakes gets its WebSocket. */
async function serves({ url }: Attacked, path = "/"): Promise<void> {
  const session = await WireSession.open(url);
  session.connect(1, path);
  const answer = await session.sees(({ type, stream }) => type === Http2Type.headers && stream === 1);
  // `:status: 200` is entry 8 of the static table (RFC 7541 A).
  expect(answer?.payload[0]).toBe(0x88);
}

describe("rapid reset (CVE-2023-44487)", () => {
  const resets = (turn: number): Buffer => {
    const stream = 1 + 2 * turn;
    return Buffer.concat([
      http2Frame(Http2Type.headers, Http2Flag.endHeaders, stream, connectHeaders()),
      http2Frame(Http2Type.resetStream, 0, stream, http2Number(8)),
    ]);
  };

  test("before the answer: the session is ended after a hundred streams", async () => {
    const attacked = await start({ handshakeTimeout: 500 }, deferred());
    const session = await WireSession.open(attacked.url);
    await session.flood(resets, 3000);
    expect(await session.goAwayCode()).toBe(0);
    await session.ended();
    // Those of one read of the socket come before the first of them has closed.
    expect(attacked.asked).toBeLessThan(2000);
    await until(() => attacked.wss.counters.connections.leaving === 0);
    expect([attacked.wss.connections.length, attacked.refused, attacked.errors]).toEqual([0, [], []]);
  });

  test("after it: Node ends the session, and nothing is left of its WebSockets", async () => {
    const attacked = await start({ handshakeTimeout: 500 });
    const session = await WireSession.open(attacked.url);
    await session.flood(resets, 3000);
    await session.ended();
    expect(attacked.asked).toBeLessThan(2000);
    await until(() => attacked.wss.connections.length === 0 && attacked.ended.length === attacked.asked);
    expect(new Set(attacked.ended)).toEqual(new Set([1006]));
    await serves(attacked);
  });
});

test("streams that the client makes the server reset (CVE-2025-8671) end the session, as rapid resets do", async () => {
  const attacked = await start({ handshakeTimeout: 500 }, deferred());
  const session = await WireSession.open(attacked.url);
  await session.flood((turn) => {
    const stream = 1 + 2 * turn;
    const again = http2Frame(Http2Type.headers, Http2Flag.endHeaders, stream, http2Headers({ x: "y" }));
    return Buffer.concat([http2Frame(Http2Type.headers, Http2Flag.endHeaders, stream, connectHeaders()), again]);
  }, 3000);
  await session.ended();
  expect(attacked.asked).toBeLessThan(2000);
  expect(attacked.wss.connections.length).toBe(0);
});

describe("a session of which streams are refused", () => {
  test.each([
    ["no path of a WebSocket", connectHeaders("/other"), "path"],
    [
      "no WebSocket",
      http2Headers({ ":method": "GET", ":scheme": "https", ":path": "/", ":authority": "x" }),
      "version",
    ],
    ["headers that are too large", connectHeaders("/chat", { x: "x".repeat(16_300) }), "headers"],
  ] as const)("gets GOAWAY after a hundred: %s", async (_what, headers, reason) => {
    const attacked = await start({ path: "/chat", maxHeaderSize: 16_000 });
    const session = await WireSession.open(attacked.url);
    for (let i = 0; i < 300 && !session.over; i++) {
      const [first, rest] = [headers.subarray(0, 16_000), headers.subarray(16_000)];
      const isWhole = rest.length === 0;
      session.send(http2Frame(Http2Type.headers, isWhole ? Http2Flag.endHeaders : 0, 1 + 2 * i, first));
      if (!isWhole) session.send(http2Frame(Http2Type.continuation, Http2Flag.endHeaders, 1 + 2 * i, rest));
      await session.sees(({ type, stream }) => (type === 3 && stream === 1 + 2 * i) || type === Http2Type.goAway);
    }
    expect(await session.goAwayCode()).toBe(0);
    await session.ended();
    expect(attacked.refused.length).toBeLessThan(110);
    expect(attacked.wss.counters.refused[reason]).toBe(attacked.refused.length);
    await serves(attacked, "/chat");
  });

  test("keeps its WebSockets: they may be those of others, after a proxy", async () => {
    const attacked = await start({ path: "/chat" });
    const session = await WireSession.open(attacked.url);
    session.connect(1, "/chat");
    for (let i = 1; i <= 120; i++) {
      session.connect(1 + 2 * i, "/other");
      await session.sees(({ type, stream }) => (type === 3 && stream === 1 + 2 * i) || type === Http2Type.goAway);
    }
    expect(await session.goAwayCode()).toBe(0);
    session.send(http2Frame(Http2Type.data, 0, 1, masked(0x89, "ping")));
    const pong = await session.sees(({ type, stream }) => type === Http2Type.data && stream === 1);
    expect(pong?.payload.toString("latin1")).toBe("\x8a\x04ping");
    expect(attacked.wss.connections.length).toBe(1);
    session.send(http2Frame(Http2Type.data, 0, 1, masked(0x88, [3, 232])));
    await session.ended();
    expect(attacked.ended).toEqual([1000]);
  });
});

describe("floods of frames", () => {
  const open = http2Frame(Http2Type.headers, 0, 1, connectHeaders());
  test.each([
    [
      "CONTINUATION (CVE-2024-27983)",
      open,
      http2Frame(Http2Type.continuation, 0, 1, http2Headers({ x: "y".repeat(1000) })),
    ],
    ["empty CONTINUATION", open, http2Frame(Http2Type.continuation, 0, 1)],
    ["SETTINGS (CVE-2019-9515)", Buffer.alloc(0), http2Frame(Http2Type.settings, 0, 0)],
    ["PING (CVE-2019-9512)", Buffer.alloc(0), http2Frame(Http2Type.ping, 0, 0, Buffer.alloc(8))],
  ])("of %s, whose answers nobody reads, end the session", async (_what, before, frame) => {
    const attacked = await start({ handshakeTimeout: 500 });
    const session = await WireSession.open(attacked.url);
    session.socket.pause();
    session.send(before);
    const many = Buffer.concat(Array<Buffer>(100).fill(frame));
    const flood = session.flood(() => many, 1_000_000);
    await until(() => session.over || session.socket.destroyed);
    session.socket.resume();
    await flood;
    expect(attacked.asked).toBe(0);
    await serves(attacked);
  });
});

describe("a session without a stream is cut after handshakeTimeout", () => {
  test.each([
    ["begun headers of a request, which never end", http2Frame(Http2Type.headers, 0, 1, connectHeaders())],
    ["a part of a frame", http2Frame(Http2Type.headers, 0, 1, connectHeaders()).subarray(0, 20)],
    ["nothing", Buffer.alloc(0)],
  ])("%s", async (_what, bytes) => {
    const attacked = await start({ handshakeTimeout: 200 });
    const session = await WireSession.open(attacked.url);
    session.send(bytes);
    await session.ended();
    expect(attacked.refused).toEqual([[undefined, "timeout"]]);
    expect(attacked.wss.counters.limits.handshakeTimeout).toBe(1);
  });

  test("begun headers after its WebSocket", async () => {
    const attacked = await start({ handshakeTimeout: 200 });
    const session = await WireSession.open(attacked.url);
    session.connect(1);
    await session.sees(({ type }) => type === Http2Type.headers);
    session.send(http2Frame(Http2Type.headers, 0, 3, connectHeaders()));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(attacked.wss.connections.length).toBe(1);
    attacked.wss.connections[0]!.destroy();
    await session.ended();
    expect(attacked.ended).toEqual([1006]);
  });

  test("headers begun after the session's GOAWAY do not keep it", async () => {
    const attacked = await start({ path: "/chat" });
    const session = await WireSession.open(attacked.url);
    for (let i = 0; i < 60; i++) session.connect(1 + 2 * i, "/other");
    await until(() => session.frames.filter(({ type }) => type === Http2Type.resetStream).length === 60);
    for (let i = 60; i < 100; i++) session.connect(1 + 2 * i, "/other");
    session.send(http2Frame(Http2Type.headers, 0, 201, connectHeaders()));
    expect(await session.goAwayCode()).toBe(0);
    await session.ended();
    expect(attacked.refused.length).toBe(100);
  });
});

describe("streams that are opened and say nothing", () => {
  test("count as connections, in all and of their address", async () => {
    const attacked = await start({ maxConnections: 150, maxConnectionsPerAddress: 120 });
    const [one, other] = [await WireSession.open(attacked.url), await WireSession.open(attacked.url)];
    for (let i = 0; i < 100; i++) one.connect(1 + 2 * i);
    await until(() => attacked.wss.connections.length === 100);
    for (let i = 0; i < 50; i++) other.connect(1 + 2 * i);
    await until(() => attacked.refused.length === 30);
    expect(attacked.wss.connections.length).toBe(120);
    expect(attacked.refused[0]).toEqual([429, "limit"]);
    expect(attacked.wss.counters.limits.maxConnectionsPerAddress).toBe(30);
  });

  test("a session has a hundred of them: one more ends it, and their pings notice", async () => {
    const attacked = await start({ pingInterval: 100, pingTimeout: 100, handshakeTimeout: 200 });
    const session = await WireSession.open(attacked.url);
    for (let i = 0; i <= 100; i++) session.connect(1 + 2 * i);
    await session.ended();
    await until(() => attacked.ended.length === attacked.asked);
    expect([attacked.asked, attacked.wss.connections.length]).toEqual([100, 0]);
  });

  test("those that wait for onConnection count in maxHandshakes", async () => {
    const attacked = await start({ maxHandshakes: 20 }, deferred());
    const session = await WireSession.open(attacked.url);
    for (let i = 0; i < 60; i++) session.connect(1 + 2 * i);
    await until(() => attacked.refused.length === 40);
    expect(attacked.wss.counters.limits.maxHandshakes).toBe(40);
    expect(new Set(attacked.refused.map(String))).toEqual(new Set(["503,limit"]));
  });

  test("are cut when they answer no ping; a stream of their session that answers is not", async () => {
    const attacked = await start({ pingInterval: 100, pingTimeout: 100 });
    const session = await WireSession.open(attacked.url);
    for (const stream of [1, 3, 5]) session.connect(stream);
    const pong = setInterval(() => session.send(http2Frame(Http2Type.data, 0, 5, masked(0x8a, ""))), 20);
    onTestFinished(() => clearInterval(pong));
    await until(() => attacked.ended.length === 2);
    expect(attacked.wss.connections.length).toBe(1);
    expect(session.over).toBe(false);
  });
});

describe("streams whose client gives no window", () => {
  const KIB = 1024;
  /** The setting of the window of each stream (RFC 9113 6.5.2). */
  const NO_WINDOW = [4, 0];

  test("are closed at maxSendQueue, and reset at closeTimeout; other streams of the session go on", async () => {
    const attacked = await start({ maxSendQueue: 100 * KIB, closeTimeout: 200 });
    const session = await WireSession.open(attacked.url, NO_WINDOW);
    for (let i = 0; i < 20; i++) session.connect(1 + 2 * i);
    await until(() => attacked.wss.connections.length === 20);
    session.send(http2Frame(Http2Type.windowUpdate, 0, 39, http2Number(10_000_000)));
    for (let i = 0; i < 40; i++) {
      attacked.wss.broadcast(Buffer.alloc(10 * KIB));
      for (const ws of attacked.wss.connections) expect(ws.bufferedAmount).toBeLessThan(120 * KIB);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => attacked.ended.length === 19);
    await until(() => session.frames.filter(({ type }) => type === Http2Type.resetStream).length === 19);
    expect(new Set(attacked.ended)).toEqual(new Set([1006]));
    expect(attacked.wss.counters.limits.maxSendQueue).toBe(19);
    session.send(http2Frame(Http2Type.data, 0, 39, masked(0x89, "ping")));
    const isPong = ({ stream, payload }: { stream: number; payload: Buffer }): boolean =>
      stream === 39 && payload.includes("\x8a\x04ping", 0, "latin1");
    expect(await session.sees(isPong)).toBeDefined();
  });

  test("and that are refused are reset after a second", async () => {
    const attacked = await start({ path: "/chat" });
    const session = await WireSession.open(attacked.url, NO_WINDOW);
    for (let i = 0; i < 50; i++) session.connect(1 + 2 * i, "/other");
    await until(() => session.frames.filter(({ type }) => type === Http2Type.resetStream).length === 50);
    expect(attacked.refused.length).toBe(50);
  });
});

describe("a client that ends in an odd way", () => {
  test.each(Array.from({ length: 14 }, (_, code) => code))("resets with code %i: 1006, once", async (code) => {
    const attacked = await start();
    const session = await WireSession.open(attacked.url);
    session.connect(1);
    await session.sees(({ type }) => type === Http2Type.headers);
    session.send(http2Frame(Http2Type.data, 0, 1, masked(0x81, "half").subarray(0, 7)));
    session.reset(1, code);
    await until(() => attacked.ended.length === 1);
    expect([attacked.ended, attacked.wss.connections.length]).toEqual([[1006], 0]);
  });

  test.each([
    ["END_STREAM on the CONNECT", (session: WireSession) => session.connect(1, "/", {}, Http2Flag.endStream)],
    [
      "END_STREAM in a message",
      (session: WireSession) => {
        session.connect(1);
        session.send(http2Frame(Http2Type.data, Http2Flag.endStream, 1, masked(0x81, "half").subarray(0, 7)));
      },
    ],
    [
      "trailers",
      (session: WireSession) => {
        session.connect(1);
        const flags = Http2Flag.endHeaders | Http2Flag.endStream;
        session.send(http2Frame(Http2Type.headers, flags, 1, http2Headers({ trailer: "x" })));
      },
    ],
    [
      "GOAWAY with an error",
      (session: WireSession) => {
        session.connect(1);
        session.send(http2Frame(Http2Type.goAway, 0, 0, Buffer.concat([http2Number(0), http2Number(2)])));
      },
    ],
    [
      "a cut of its session",
      (session: WireSession) => {
        session.connect(1);
        session.socket.end();
      },
    ],
  ])("%s: onTerminate gets 1006 once, and nothing is left", async (_what, act) => {
    const gate = deferred();
    const attacked = await start({}, gate);
    const session = await WireSession.open(attacked.url);
    act(session);
    await until(() => attacked.asked === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.resolve();
    await until(() => attacked.ended.length === 1);
    expect([attacked.ended, attacked.wss.connections.length, attacked.refused]).toEqual([[1006], 0, []]);
    await serves(attacked);
  });

  test.each(["reset", "session"])("%s while onConnection waits", async (what) => {
    const gate = deferred();
    const attacked = await start({}, gate);
    const session = await WireSession.open(attacked.url);
    session.connect(1);
    await until(() => attacked.asked === 1);
    if (what === "reset") session.reset(1);
    else session.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.resolve();
    await until(() => attacked.ended.length === 1);
    expect([attacked.ended, attacked.wss.connections.length, attacked.errors]).toEqual([[1006], 0, []]);
    await serves(attacked);
  });

  test("data before the answer arrive after it", async () => {
    const gate = deferred();
    const attacked = await start({}, gate);
    const session = await WireSession.open(attacked.url);
    session.connect(1);
    for (const byte of masked(0x89, "early")) session.send(http2Frame(Http2Type.data, 0, 1, Buffer.of(byte)));
    await until(() => attacked.asked === 1);
    gate.resolve();
    const pong = await session.sees(({ type }) => type === Http2Type.data);
    expect(pong?.payload.toString("latin1")).toBe("\x8a\x05early");
  });

  test("a GOAWAY of the client ends no stream, and it opens no more", async () => {
    const attacked = await start();
    const session = await WireSession.open(attacked.url);
    session.connect(1);
    session.send(http2Frame(Http2Type.goAway, 0, 0, Buffer.alloc(8)));
    session.connect(3);
    session.send(http2Frame(Http2Type.data, 0, 1, masked(0x88, [3, 232])));
    await session.ended();
    expect(attacked.ended[0]).toBe(1000);
    expect(attacked.asked).toBeLessThan(3);
  });
});
