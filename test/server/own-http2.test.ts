import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { InvalidArgumentError, WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { Clock } from "../../fuzz/harness/clock.ts";
import { certificate } from "../support/certificate.ts";
import { answerTo, openSession, requestWebSocket, restOf } from "../support/http2-client.ts";
import { deferred } from "../support/peer.ts";

interface Own {
  readonly wss: WebSocketServer;
  readonly origin: string;
  readonly port: number;
  readonly refused: unknown[];
}

async function start(options: WebSocketServerOptions = {}): Promise<Own> {
  const refused: unknown[] = [];
  const wss = new WebSocketServer(
    {
      onConnection: () => ({ onMessage: () => undefined }),
      onRefused: (_wss, { status, reason }) => void refused.push([status, reason]),
    },
    { port: 0, host: "127.0.0.1", tls: certificate, ...options },
  );
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const { port } = wss.address() as AddressInfo;
  return { wss, port, refused, origin: `https://127.0.0.1:${port}` };
}

/** What is agreed on in a TLS handshake. */
async function agreed(port: number, ALPNProtocols?: string[]): Promise<string | false | null> {
  const socket = connectTls({ port, host: "127.0.0.1", ca: certificate.cert, ...(ALPNProtocols && { ALPNProtocols }) });
  await once(socket, "secureConnect");
  socket.destroy();
  return socket.alpnProtocol;
}

describe("which protocol", () => {
  test("clients choose it in the TLS handshake", async () => {
    const { port } = await start();
    expect(await agreed(port, ["h2", "http/1.1"])).toBe("h2");
    expect(await agreed(port, ["http/1.1"])).toBe("http/1.1");
    expect(await agreed(port)).toBe(false);
  });

  test.each([
    ["http2: false", { http2: false }],
    ["a listener that may know HTTP/1.1 only", { requestListener: () => undefined }],
    ["protocols that the application names", { tls: { ...certificate, ALPNProtocols: ["http/1.1"] } }],
  ])("%s: HTTP/1.1", async (_name, options) => {
    const { port } = await start(options);
    expect(await agreed(port, ["h2", "http/1.1"])).toBe("http/1.1");
  });

  test("a callback of the application chooses", async () => {
    const ALPNCallback = ({ protocols }: { protocols: string[] }): string | undefined => protocols.at(-1);
    const { port } = await start({ tls: { ...certificate, ALPNCallback } });
    expect(await agreed(port, ["http/1.1", "h2"])).toBe("h2");
    expect(await agreed(port, ["h2", "http/1.1"])).toBe("http/1.1");
  });

  test("http2: true needs tls, and another value is refused", () => {
    const start = (options: object) => () => new WebSocketServer({ onConnection: () => null }, options);
    expect(start({ port: 0, http2: true })).toThrow("http2: only together with tls");
    expect(start({ port: 0, tls: certificate, http2: 1 })).toThrow(InvalidArgumentError);
  });
});

// shows 8441-3-1
test("it announces WebSockets, and what a client may do", async () => {
  const session = await openSession((await start({ maxHeaderSize: 5000 })).origin);
  expect(session.remoteSettings).toMatchObject({
    enableConnectProtocol: true,
    maxConcurrentStreams: 100,
    initialWindowSize: 131_072,
    maxHeaderListSize: 10_000,
  });
});

test("headers have a size, and no number: a browser sends each cookie as one", async () => {
  const { origin, wss } = await start({ maxHeaderSize: 5000 });
  const session = await openSession(origin);
  const crumbs = (count: number): string[] => Array.from({ length: count }, (_, i) => `c${i}=1`);
  expect((await answerTo(requestWebSocket(session, "/", { "x-crumb": crumbs(140) })))[":status"]).toBe(200);
  expect((await answerTo(requestWebSocket(session, "/", { large: "x".repeat(6000) })))[":status"]).toBe(431);
  expect(wss.counters.limits.maxHeaderSize).toBe(1);
});

test("a request that is not for a WebSocket is refused, and counted", async () => {
  const { origin, wss, refused } = await start();
  const session = await openSession(origin);
  const stream = session.request({ ":path": "/" });
  expect((await answerTo(stream))[":status"]).toBe(400);
  expect((await restOf(stream)).toString()).toBe("Only WebSockets are served here.\n");
  expect(refused).toEqual([[400, "version"]]);
  expect(wss.counters.refused.version).toBe(1);
});

describe("a session without a stream", () => {
  test("that never sent a request is closed after handshakeTimeout, and counted", async () => {
    const { origin, wss, refused } = await start({ handshakeTimeout: 100 });
    const session = await openSession(origin);
    await once(session, "close");
    expect(refused).toEqual([[undefined, "timeout"]]);
    expect(wss.counters.limits.handshakeTimeout).toBe(1);
  });

  test("that had one is closed too, and is nobody who was refused", async () => {
    const { origin, wss, refused } = await start({ handshakeTimeout: 100 });
    const session = await openSession(origin);
    const stream = requestWebSocket(session);
    await answerTo(stream);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(session.closed).toBe(false);
    stream.close();
    await once(session, "close");
    expect([refused, wss.counters.limits.handshakeTimeout]).toEqual([[], 0]);
  });

  test("is a pending socket: of too many the oldest is cut", async () => {
    const { origin, wss, refused } = await start({ maxHandshakes: 2 });
    const used = await openSession(origin);
    await answerTo(requestWebSocket(used));
    const [oldest, second] = [await openSession(origin), await openSession(origin)];
    const third = await openSession(origin);
    if (!oldest.destroyed) await once(oldest, "close");
    expect([used.destroyed, second.destroyed, third.destroyed]).toEqual([false, false, false]);
    expect(refused).toEqual([[undefined, "limit"]]);
    expect(wss.counters.limits.maxHandshakes).toBe(1);
  });
});

describe("the body of a request for a requestListener", () => {
  /** A request whose body does not end, with a clock of the test's own from then on. Node's own timers go on. */
  async function endless(options: WebSocketServerOptions = {}) {
    const { promise: asked, resolve } = deferred<IncomingMessage>();
    const own = await start({ http2: true, requestListener: resolve, ...options });
    const session = await openSession(own.origin);
    const clock = new Clock();
    clock.install();
    onTestFinished(() => clock.uninstall());
    const stream = session.request({ ":method": "POST", ":path": "/upload" });
    stream.on("error", () => undefined); // the close follows
    stream.write("the first bytes");
    return { ...own, session, clock, stream, request: await asked };
  }

  test("has 300 s, then its stream is reset, and that is reported; its session goes on", async () => {
    const { clock, stream, refused, session, wss } = await endless();
    const closed = once(stream, "close");
    clock.advance(299_999);
    expect([refused, stream.closed]).toEqual([[], false]);
    clock.advance(1);
    await closed;
    expect([refused, stream.rstCode]).toEqual([[[undefined, "timeout"]], 8]);
    expect(wss.counters.refused.timeout).toBe(1);
    expect((await answerTo(requestWebSocket(session)))[":status"]).toBe(200);
  });

  test("has as long as handshakeTimeout, if that is longer", async () => {
    const { clock, stream, refused } = await endless({ handshakeTimeout: 400_000 });
    clock.advance(399_999);
    expect(refused).toEqual([]);
    clock.advance(1);
    await once(stream, "close");
    expect(refused).toEqual([[undefined, "timeout"]]);
  });

  test("that has ended leaves no time limit", async () => {
    const { clock, stream, refused, request } = await endless();
    stream.end();
    for await (const _chunk of request);
    clock.advance(1_000_000);
    expect([refused, stream.closed]).toEqual([[], false]);
  });
});

describe("terminate", () => {
  test("asks clients to open no more streams, and ends the session when the last one has ended", async () => {
    const { origin, wss } = await start();
    const session = await openSession(origin);
    const stream = requestWebSocket(session);
    await answerTo(stream);
    stream.resume();
    const away = once(session, "goaway");
    const ended = wss.terminate(5);
    expect((await away)[0]).toBe(0);
    // Our answer to its close frame.
    stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]));
    await once(session, "close");
    await ended;
    expect(stream.rstCode).toBe(0);
  });

  test("ends idle sessions at once", async () => {
    const { origin, wss } = await start();
    const session = await openSession(origin);
    await Promise.all([once(session, "close"), wss.terminate(5)]);
    expect(session.destroyed).toBe(true);
  });
});

describe("an application with http2: true", () => {
  test("gets the plain requests of both versions", async () => {
    const { origin, wss } = await start({
      http2: true,
      requestListener: (request, response) => void response.end(`${request.httpVersion} ${request.url}`),
    });
    const session = await openSession(origin);
    const stream = session.request({ ":path": "/page" });
    expect((await restOf(stream)).toString()).toBe("2.0 /page");
    expect((await answerTo(requestWebSocket(session)))[":status"]).toBe(200);
    expect(wss.connections.length).toBe(1);
  });

  test("its sessions have the places of plain requests", async () => {
    const { origin, refused } = await start({
      http2: true,
      maxConnections: 1,
      requestListener: (_request, response) => void response.end("page"),
    });
    const [one, other] = [await openSession(origin), await openSession(origin)];
    expect((await answerTo(one.request({ ":path": "/" })))[":status"]).toBe(200);
    expect((await answerTo(one.request({ ":path": "/again" })))[":status"]).toBe(200);
    expect((await answerTo(other.request({ ":path": "/" })))[":status"]).toBe(503);
    expect(refused).toEqual([[503, "limit"]]);
  });

  test("its answers under way are waited for", async () => {
    let answer: () => void = () => undefined;
    const { origin, wss } = await start({
      http2: true,
      requestListener: (_request, response) => {
        answer = () => void response.end("late");
      },
    });
    const session = await openSession(origin);
    const stream = session.request({ ":path": "/" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const ended = wss.terminate(5);
    answer();
    expect((await restOf(stream)).toString()).toBe("late");
    await ended;
  });
});

test("a client that is no HTTP/2 after all is counted, and does no harm", async () => {
  const { port, origin, refused } = await start();
  const socket = connectTls({ port, host: "127.0.0.1", ca: certificate.cert, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined).resume();
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "close");
  expect(refused).toEqual([[undefined, "malformed"]]);
  expect((await answerTo(requestWebSocket(await openSession(origin))))[":status"]).toBe(200);
});
