import { once } from "node:events";
import {
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  connect,
  constants,
  createSecureServer,
} from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectError, type ClientOptions, WebSocket } from "hawser/client";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { certificate } from "../../support/certificate.ts";

const tls = { ca: certificate.cert };

/** A server of Node's without our code, over HTTP/2. Over HTTP/1.1 it has the WebSockets of the `ws` package. */
async function serve(allowHTTP1 = true): Promise<{ server: Http2SecureServer; url: string; came: string[] }> {
  const server = createSecureServer({ ...certificate, allowHTTP1 });
  const came: string[] = [];
  server.on("session", () => came.push("HTTP/2"));
  server.on("sessionError", () => {}); // the client has gone
  const accepted = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    came.push("HTTP/1.1");
    accepted.handleUpgrade(request, socket, head, () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of accepted.clients) client.terminate();
    server.close();
  });
  return { server, came, url: `wss://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function open(url: string, options?: ClientOptions<"text">): Promise<WebSocket> {
  const ws = await WebSocket.connect(url, {}, { http2: true, tls, ...options });
  onTestFinished(() => ws.destroy());
  return ws;
}

async function fail(url: string, options?: ClientOptions<"text">): Promise<ConnectError> {
  return await open(url, options).then(
    () => expect.fail("It was accepted"),
    (cause: unknown) => cause as ConnectError,
  );
}

// RFC 8441 3: an endpoint that was not told the setting must not use it.
describe("http2: true and a server that has chosen HTTP/2 without WebSockets", () => {
  let server: Http2SecureServer;
  let [url, came]: [string, string[]] = ["", []];
  beforeEach(async () => {
    ({ server, url, came } = await serve());
  });

  test("the dial goes on with a connection that offers HTTP/1.1 alone", async () => {
    const ws = await open(url);
    expect(came).toEqual(["HTTP/2", "HTTP/1.1"]);
    expect([ws.attempt, ws.httpVersion]).toEqual([0, "1.1"]);
  });

  test("the session without WebSockets is closed", async () => {
    const sessions: ServerHttp2Session[] = [];
    server.on("session", (session: ServerHttp2Session) => sessions.push(session));
    await open(url);
    await vi.waitUntil(() => sessions[0]?.destroyed);
    expect(sessions).toHaveLength(1);
  });

  test("nothing is remembered: the next dial asks again, and a server that has them now is believed", async () => {
    await open(url);
    server.updateSettings({ enableConnectProtocol: true });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.on("error", () => {}); // the client has gone
      stream.respond({ ":status": 200 });
    });
    await open(url);
    expect(came).toEqual(["HTTP/2", "HTTP/1.1", "HTTP/2"]);
  });

  test("a stream that is reset with HTTP_1_1_REQUIRED says the same", async () => {
    server.updateSettings({ enableConnectProtocol: true });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.on("error", () => {}); // the client has gone
      stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED);
    });
    await open(url);
    expect(came).toEqual(["HTTP/2", "HTTP/1.1"]);
  });

  test("a refusal over HTTP/1.1 is one, and its text says why it was HTTP/1.1", async () => {
    server.removeAllListeners("upgrade");
    server.on("upgrade", (_request, socket: Duplex) => socket.end("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
    expect(await fail(url)).toMatchObject({
      code: "HWS_REFUSED",
      status: 403,
      message: `The server refused the handshake: ${url}/: over HTTP/1.1, since the server has no WebSockets over HTTP/2: 403 No`,
    });
  });
});

test("http2: true and a server of HTTP/2 alone, without WebSockets: the error says both", async () => {
  const { url } = await serve(false);
  const error = await fail(url);
  expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
  expect(error.message).toMatch(/over HTTP\/1\.1, since the server has no WebSockets over HTTP\/2: .*alert/);
});

test("a session of the application's without WebSockets fails the dial, and stays open", async () => {
  const { url, came } = await serve();
  const session = connect(url.replace("wss", "https"), tls);
  onTestFinished(() => session.destroy());
  const error = await fail(url, { http2: () => session, tls: undefined });
  expect(error).toMatchObject({ code: "HWS_BAD_HANDSHAKE", stage: "handshake" });
  expect(error.message).toContain("the server has no WebSockets over HTTP/2");
  expect(session.closed).toBe(false);
  expect(came).toEqual(["HTTP/2"]);
});

test("a session of another origin fails the dial, for good", async () => {
  const { url } = await serve();
  const session = connect(url.replace("wss", "https"), tls);
  onTestFinished(() => session.destroy());
  const error = await fail(url.replace("127.0.0.1", "example.com"), {
    http2: () => session,
    tls: undefined,
    reconnect: true,
  });
  expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "provider" });
  expect(error.message).toContain("http2: the session is for 127.0.0.1:");
});

test("tls and a session of the application's are refused together: the options could not apply", () => {
  const make = (): WebSocket => new WebSocket("wss://a", {}, { http2: () => expect.fail("It was asked"), tls });
  expect(make).toThrow("tls: not together with a function for http2");
});
