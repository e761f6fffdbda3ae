import { type WSRefusedEvent, WebSocketServer, type WebSocketServerOptions } from "hawser";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectSecure } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { readOptions } from "../../src/server/settings.ts";
import { createOwnServer } from "../../src/server/own-web-server.ts";
import { certificate } from "../support/certificate.ts";
import { Peer, portOf, until } from "../support/peer.ts";
import { handshake, RawClient, type RawResponse } from "../support/raw-client.ts";

const PLAIN = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const CONNECT = "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n";

/** Gets the refusals of a server that a test only looks at. */
const UNHEARD = { refuse: () => undefined, onRefused: () => undefined };

async function listen(options: WebSocketServerOptions<"text"> = {}): Promise<number> {
  const handler = { onConnection: () => ({ onMessage: () => {} }) };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", ...options });
  onTestFinished(async () => wss.terminate(0));
  return portOf(wss);
}

/** The response to `request`, when the connection is closed after it. */
async function answer(port: number, request: string): Promise<RawResponse> {
  const client = await RawClient.connect(port);
  client.write(request);
  const response = await client.response();
  expect((await client.rest()).length).toBe(0);
  return response;
}

describe("a request that is not a handshake", () => {
  test("GET gets 426 and the supported protocol", async () => {
    const { status, headers, body } = await answer(await listen(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(status).toBe(426);
    expect(headers.get("upgrade")).toEqual(["websocket"]);
    expect(headers.get("sec-websocket-version")).toEqual(["13"]);
    expect(headers.get("connection")).toEqual(["Upgrade, close"]);
    expect(body).toMatch(/^[^\n]+\n$/);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("%s gets 405 and the allowed method", async (method) => {
    const request = `${method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`;
    const { status, headers, body } = await answer(await listen(), request);
    expect(status).toBe(405);
    expect(headers.get("allow")).toEqual(["GET"]);
    expect(headers.get("connection")).toEqual(["close"]);
    expect(body).toMatch(/^[^\n]+\n$/);
  });

  test("a second request on the same connection is not answered", async () => {
    const client = await RawClient.connect(await listen());
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect((await client.response()).status).toBe(426);
    expect((await client.rest()).length).toBe(0);
  });

  test.each([
    ["GET", PLAIN, PLAIN, 426, "version"],
    ["GET that expects 100", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", PLAIN, 426, "version"],
    ["GET that expects more", "GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", PLAIN, 426, "version"],
    ["POST with a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", PLAIN, 405, "method"],
    ["GET before handshakes", PLAIN, handshake(), 426, "version"],
    ["GET before CONNECT", PLAIN, CONNECT, 426, "version"],
    ["GET before a header that is too large", PLAIN, `GET / HTTP/1.1\r\nX: ${"a".repeat(20_000)}`, 426, "version"],
    ["CONNECT", CONNECT, PLAIN, 405, "method"],
  ])("%s and 500 pipelined requests count once", async (_how, first, then, status, reason) => {
    const refused: WSRefusedEvent[] = [];
    const wss = new WebSocketServer(
      { onConnection: () => null, onRefused: (_wss, event) => refused.push(event) },
      { port: 0, host: "127.0.0.1" },
    );
    onTestFinished(async () => wss.terminate(0));
    const client = await RawClient.connect(await portOf(wss));
    client.write(first + then.repeat(500));
    await client.rest();
    expect(refused).toMatchObject([{ status, reason, request: { url: expect.any(String) as string } }]);
    expect(Object.values(wss.counters.refused).reduce((sum, count) => sum + count)).toBe(1);
    expect(wss.counters.limits.maxHeaderSize).toBe(0);
  });

  test("CONNECT gets 405 and the allowed method; without Host it gets 400", async () => {
    const port = await listen();
    const { status, headers } = await answer(port, CONNECT);
    expect([status, headers.get("allow"), headers.get("connection")]).toEqual([405, ["GET"], ["close"]]);
    expect((await answer(port, "CONNECT x:1 HTTP/1.1\r\n\r\n")).status).toBe(400);
  });

  test.each([handshake(), CONNECT])("a reset after it and a pipelined %j does not end the process", async (next) => {
    const server = createOwnServer(readOptions({}), UNHEARD).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    let listeners = 0;
    const look = (_message: unknown, socket: Duplex): void => {
      listeners = socket.listenerCount("error");
      socket.destroy(new Error("reset"));
    };
    server.on("upgrade", look).on("connect", look);
    const client = await RawClient.connect(await portOf(server));
    client.write(PLAIN, next);
    await client.rest();
    expect(listeners).toBe(1);
  });

  test("what is not HTTP gets 400", async () => {
    const { status, body } = await answer(await listen(), "hello\r\n\r\n");
    expect(status).toBe(400);
    expect(body).toMatch(/^[^\n]+\n$/);
  });
});

describe("a request that is too large", () => {
  test("a header over maxHeaderSize gets 431, before it is complete", async () => {
    const port = await listen({ maxHeaderSize: 2000 });
    const { status, body } = await answer(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(4000)}`);
    expect(status).toBe(431);
    expect(body).toMatch(/^[^\n]+\n$/);
  });

  test("so does a long target, also in a handshake, and one header of many", async () => {
    const port = await listen({ maxHeaderSize: 2000 });
    expect((await answer(port, `GET /${"a".repeat(4000)} HTTP/1.1\r\nHost: x\r\n\r\n`)).status).toBe(431);
    expect((await answer(port, handshake("/", { X: "a".repeat(1990) }))).status).toBe(431);
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x-${String(index)}`, "aaaaaaaa"]));
    expect((await answer(port, handshake("/", many))).status).toBe(431);
  });

  test("16 KiB are the default", async () => {
    const port = await listen();
    expect((await answer(port, handshake("/", { X: "a".repeat(16_400) }))).status).toBe(431);
    await Peer.open(port, "/", [], { headers: { X: "a".repeat(15_000) } });
  });

  test.each([100_000, Infinity])("with a limit of %d larger ones are accepted", async (maxHeaderSize) => {
    const peer = await Peer.open(await listen({ maxHeaderSize }), "/", [], { headers: { X: "a".repeat(50_000) } });
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });
});

describe("a client that takes too long", () => {
  test("for its request gets 408", async () => {
    const port = await listen({ handshakeTimeout: 50 });
    expect((await answer(port, "GET / HTTP/1.1\r\nHost:")).status).toBe(408);
  });

  test("that sends nothing is dropped too", async () => {
    const client = await RawClient.connect(await listen({ handshakeTimeout: 50 }));
    expect((await client.rest()).toString()).toMatch(/^(HTTP\/1\.1 408 [^]*)?$/);
  });

  test("for its TLS handshake is dropped", async () => {
    const client = await RawClient.connect(await listen({ handshakeTimeout: 50, tls: certificate }));
    expect((await client.rest()).length).toBe(0);
  });

  test("a connection that is open has no such deadline", async () => {
    const server = createOwnServer(readOptions({ maxHeaderSize: 1000, handshakeTimeout: 50 }), UNHEARD);
    expect(server.timeout).toBe(0);
    expect(server.headersTimeout).toBe(50);
    expect(server.requestTimeout).toBe(50);
  });
});

describe.each([
  ["without TLS", undefined],
  ["with TLS", certificate],
] as const)("a client over the limit of pending sockets, %s", (_how, tls) => {
  test("is dropped before any response, and counted for the limit", async () => {
    const settings = readOptions({ maxConnections: 1, maxHandshakes: 1, ...(tls && { port: 0, tls }) });
    const server = createOwnServer(settings, UNHEARD).listen(0, "127.0.0.1");
    const sockets: Socket[] = [];
    server.on("connection", (socket: Socket) => sockets.push(socket));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const port = await portOf(server);
    for (let i = 1; i <= 3; i++) {
      await RawClient.connect(port);
      await until(() => sockets.length === i);
    }
    expect(settings.limitCounters.maxConnections).toBe(0);
    for (let i = 1; i <= 3; i++) {
      expect((await (await RawClient.connect(port)).rest()).length).toBe(0);
      expect(settings.limitCounters.maxConnections).toBe(i);
    }
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    expect(settings.limitCounters.maxHandshakes).toBe(0);
  });
});

describe("TLS", () => {
  test("a client that sends plain HTTP to it gets no response, and others are still served", async () => {
    const port = await listen({ tls: certificate });
    const plain = await RawClient.connect(port);
    plain.write(handshake());
    expect((await plain.rest()).toString()).not.toContain("HTTP/1.1 101");
    const peer = await Peer.openSecure(port);
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });

  test("the user's own settings of TLS are kept", async () => {
    const port = await listen({ tls: { ...certificate, minVersion: "TLSv1.3" } });
    const socket = connectSecure({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
    const error = await new Promise<Error | undefined>((resolve) => {
      socket.once("error", resolve).once("secureConnect", () => resolve(undefined));
    });
    socket.destroy();
    expect(error).toBeInstanceOf(Error);
  });
});

// RFC 9112 9.6: the answer said "Connection: close".
test.each(["GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n", "no HTTP at all"])(
  "bytes after a plain request are not answered: %j",
  async (after) => {
    const client = await RawClient.connect(await listen());
    client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${after}\r\n\r\n`);
    expect((await client.rest()).toString().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 426"]);
  },
);
