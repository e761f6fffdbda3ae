import { once } from "node:events";
import {
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  createServer,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "hawser";
import { expect, onTestFinished, test } from "vitest";
import { answerTo, openSession, requestWebSocket } from "../support/http2-client.ts";

// Other users of the same web server of HTTP/2: the same program answers in the same way with Hawser and without.

/** A program, by the events that it listens to. */
type Program = (server: Http2Server) => unknown;

const onRequest: Program = (server) =>
  server.on("request", (request: Http2ServerRequest, response: Http2ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(request.url === "/missing" ? 404 : 200, { "x-method": request.method, "x-path": request.url });
      response.end(Buffer.concat([Buffer.from("request "), ...chunks]));
    });
  });

const onStream: Program = (server) =>
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.respond({ ":status": 203, "x-path": headers[":path"] ?? "" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => {
      stream.sendTrailers({ "x-trailer": "yes" });
    });
    // Node ends the answer to HEAD itself.
    if (headers[":method"] !== "HEAD") stream.end("stream");
  });

const onConnect: Program = (server) =>
  server.on("connect", (_request: unknown, response: Http2ServerResponse) => {
    response.writeHead(299);
    response.end("connect");
  });

const onExpectation: Program = (server) =>
  server.on("checkContinue", (_request: unknown, response: Http2ServerResponse) => {
    response.writeContinue();
    response.writeHead(201);
    response.end("continue");
  });

const programs: readonly (readonly [name: string, programs: readonly Program[]])[] = [
  ["request", [onRequest]],
  ["stream", [onStream]],
  ["request and connect", [onRequest, onConnect]],
  ["request and checkContinue", [onRequest, onExpectation]],
  ["request, connect and checkContinue", [onRequest, onConnect, onExpectation]],
];

const PLAIN_CONNECT = {
  ":protocol": undefined,
  ":scheme": undefined,
  ":path": undefined,
  "sec-websocket-version": undefined,
};

/** What a client gets for each request: all headers but the date, trailers, the body, and how the stream closed. */
async function answers(origin: string, hasConnect: boolean): Promise<unknown[]> {
  const session = await openSession(origin);
  const get = (headers: object, body?: string): unknown => {
    const stream = session.request({ ":path": "/page", ...headers }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return stream;
  };
  const requests = [
    get({}),
    get({ ":path": "/missing" }),
    get({ ":method": "HEAD" }),
    get({ ":method": "POST" }, "a body"),
    get({ ":method": "PUT", expect: "100-continue" }, "more"),
    get({ ":method": "OPTIONS", ":path": "/chat" }),
    get({ ":path": "/chat", upgrade: undefined, "sec-websocket-version": "13" }),
    ...(hasConnect ? [requestWebSocket(session, undefined, PLAIN_CONNECT)] : []),
  ];
  return Promise.all(
    requests.map(async (request) => {
      const stream = request as ReturnType<typeof requestWebSocket>;
      const seen: unknown[] = [];
      stream.on("headers", (headers) => seen.push(headers)).on("trailers", (headers) => seen.push(headers));
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      const closed = once(stream, "close");
      const { date, ...headers } = await answerTo(stream);
      if (stream.writable) stream.end();
      await closed;
      return [date !== undefined, headers, seen, Buffer.concat(chunks).toString(), stream.rstCode];
    }),
  );
}

async function run(listeners: readonly Program[], withHawser: boolean): Promise<{ got: unknown[]; settings: object }> {
  const server = createServer();
  if (withHawser) {
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage: () => undefined }) },
      { server, path: "/chat" },
    );
    onTestFinished(() => wss.terminate(0));
  }
  for (const listen of listeners) listen(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Without a listener a CONNECT is refused by Node without Hawser, and by Hawser with it: with another text.
  const hasConnect = listeners.includes(onConnect) || listeners.includes(onStream);
  const got = await answers(origin, hasConnect);
  const { enableConnectProtocol: _announced, ...settings } = (await openSession(origin)).remoteSettings;
  return { got, settings };
}

test.each(programs)(
  "a program that listens to %s answers the same with Hawser and without",
  async (_name, listeners) => {
    const without = await run(listeners, false);
    expect(await run(listeners, true)).toEqual(without);
    expect(without.got.length).toBeGreaterThan(6);
  },
);
