import { once } from "node:events";
import {
  type ClientHttp2Session,
  type Http2Server,
  type ServerHttp2Stream,
  connect,
  constants,
  createSecureServer,
  createServer,
} from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { certificate } from "../../support/certificate.ts";
import {
  type Http2Answer,
  type Http2Exchange,
  beginSession,
  endSession,
  exchangeHttp2,
} from "../../../src/client/node/http2-exchange.ts";

interface Served {
  readonly server: Http2Server;
  readonly session: ClientHttp2Session;
}

/** A server without our code, and a session with it. */
async function serve(answer: (stream: ServerHttp2Stream) => void, enableConnectProtocol = true): Promise<Served> {
  const server = createServer({ settings: { enableConnectProtocol } });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {}); // the client has gone
    answer(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on("error", () => {}); // what it opens fails
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return { server, session };
}

const REQUEST: Http2Exchange = {
  scheme: "http",
  path: "/chat?a=1",
  headers: ["Host", "example.com", "Sec-WebSocket-Version", "13", "X-Two", "a", "x-two", "b"],
  maxHeaderSize: 1000,
};

const exchange = (
  session: ClientHttp2Session,
  signal = new AbortController().signal,
  request = REQUEST,
): Promise<unknown> => exchangeHttp2(session, request, signal);

test("it asks as RFC 8441 5 says, with the headers in lower case", async () => {
  const { server, session } = await serve((stream) => stream.respond({ ":status": 200, "x-answer": "yes" }));
  const asked = once(server, "stream");
  const answer = await exchange(session);
  expect((await asked)[1]).toMatchObject({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":authority": "example.com",
    ":path": "/chat?a=1",
    "sec-websocket-version": "13",
    "x-two": "a, b",
  });
  expect(answer).toMatchObject({ status: 200, rawHeaders: expect.arrayContaining(["x-answer", "yes"]) as string[] });
  expect((answer as { rawHeaders: string[] }).rawHeaders).not.toContain(":status");
});

test("a refusal is an answer too", async () => {
  const { session } = await serve((stream) => {
    stream.respond({ ":status": 403 });
    stream.end("no");
  });
  expect(await exchange(session)).toMatchObject({ status: 403 });
});

test("a server that has no WebSockets over HTTP/2 is told from one that is slow", async () => {
  const { session } = await serve(() => undefined, false);
  expect(await exchange(session)).toBeUndefined();
});

test("so is one that wants HTTP/1.1 for a WebSocket (RFC 9113 7)", async () => {
  const { session } = await serve((stream) => stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED));
  expect(await exchange(session)).toBeUndefined();
});

test("frames of one byte that wait are joined: each would take the memory of a read", async () => {
  const { server, session } = await serve((stream) => stream.respond({ ":status": 200 }));
  const asked = once(server, "stream") as Promise<[ServerHttp2Stream]>;
  const { stream } = (await exchange(session)) as Http2Answer;
  const [peer] = await asked;
  // A write that waits for the one before it is a frame of its own.
  for (let i = 0; i < 1000; i++) await new Promise((sent) => peer.write(Buffer.of(i & 0xff), sent));
  peer.end();
  // Its answer comes after them.
  await new Promise((answered) => session.ping(answered));
  const received: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => received.push(chunk));
  await once(stream, "end");
  expect(received.map(({ length }) => length)).toEqual([1000]);
});

describe("it fails", () => {
  test.each([
    ["the server resets the stream", "http", (stream: ServerHttp2Stream) => stream.close(2)],
    ["the server refuses the stream", "tcp", (stream: ServerHttp2Stream) => stream.close(7)],
    ["the server ends the session", "tcp", (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ])("if %s, at the stage %s: what is of the network is retried", async (_name, stage, answer) => {
    const { session } = await serve(answer);
    await expect(exchange(session)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage });
  });

  test("if the session is closed", async () => {
    const { session } = await serve(() => undefined);
    session.destroy();
    await expect(exchange(session)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  });

  test("if the dial is given up before the settings or the answer came", async () => {
    const { session } = await serve(() => undefined);
    const [early, late] = [new AbortController(), new AbortController()];
    early.abort(new Error("given up"));
    await expect(exchange(session, early.signal)).rejects.toThrow("given up");
    const waiting = exchange(session, late.signal);
    setTimeout(() => late.abort(new Error("given up later")), 50);
    await expect(waiting).rejects.toThrow("given up later");
  });

  test("if the answer's headers are larger than maxHeaderSize", async () => {
    const { session } = await serve((stream) => stream.respond({ ":status": 200, "x-large": "x".repeat(2000) }));
    await expect(exchange(session)).rejects.toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
  });

  test("if a header is none of HTTP/2", async () => {
    const { session } = await serve(() => undefined);
    const request = { ...REQUEST, headers: [...REQUEST.headers, "Connection", "close"] };
    await expect(exchange(session, undefined, request)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  });
});

test("a session ends also if its server is gone and never ends its side", async () => {
  const silent = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {}).resume();
    onTestFinished(() => void socket.destroy());
  });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  const stream = connectTcp((silent.address() as AddressInfo).port, "127.0.0.1");
  await once(stream, "connect");
  const session = beginSession(stream, "", 16_384);
  endSession(session, stream);
  await once(stream, "close");
  expect(session.closed).toBe(true);
});

test("answers before the answer count in maxHeaderSize", async () => {
  const { session } = await serve((stream) => {
    for (let i = 0; i < 100; i++) stream.additionalHeaders({ ":status": 103, "x-filler": "a".repeat(50) });
    stream.respond({ ":status": 200 });
  });
  await expect(exchange(session)).rejects.toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
});

test("a server that names origins without end loses its session", async () => {
  const server = createSecureServer({ ...certificate, settings: { enableConnectProtocol: true } });
  server.on("session", (session) => {
    session.on("error", () => {}); // the client has gone
    for (let i = 0; i < 300; i++)
      session.origin(...Array.from({ length: 20 }, (_, n) => `https://h${i * 20 + n}.example`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const stream = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  await once(stream, "secureConnect");
  const session = beginSession(stream, "example.com", 1000);
  const failed = once(session, "error");
  await expect(exchange(session)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  // Newer versions of Node have a limit of their own.
  expect(((await failed)[0] as Error).message).toMatch(/has named more than 1000 origins|sent more ORIGIN frames/);
});
