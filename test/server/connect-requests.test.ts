import { once } from "node:events";
import {
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
  createServer,
} from "node:http2";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "hawser";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { isForOthers, speaksHttp2 } from "../../src/server/connect-requests.ts";
import { noteFrames } from "../support/http2-frames.ts";
import { answerTo, openSession, requestWebSocket, restOf } from "../support/http2-client.ts";
import { until } from "../support/peer.ts";

const handler = { onConnection: () => ({ onMessage: () => undefined }) };

/** A server of the application's, which listens. */
async function listening(server: Http2Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function attach(server: Http2Server, path?: string): WebSocketServer {
  const wss = new WebSocketServer(handler, { server, ...(path !== undefined && { path }) });
  onTestFinished(() => wss.terminate(0));
  return wss;
}

test("a server of http2 speaks HTTP/2, one of http does not", () => {
  expect([speaksHttp2(createServer()), speaksHttp2(createHttpServer())]).toEqual([true, false]);
});

describe("a server whose application answers every stream", () => {
  let server: Http2Server;
  let origin: string;
  const seen: string[] = [];
  beforeEach(async () => {
    seen.length = 0;
    server = createServer();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      seen.push(`${headers[":method"]} ${headers[":path"] ?? ""}`);
      stream.respond({ ":status": 202 });
      stream.end("the application");
    });
    origin = await listening(server);
  });

  test("it gets its requests, and not those for a WebSocket of ours", async () => {
    attach(server, "/chat");
    const session = await openSession(origin);
    expect((await answerTo(requestWebSocket(session, "/chat")))[":status"]).toBe(200);
    const plain = session.request({ ":path": "/page" });
    expect((await answerTo(plain))[":status"]).toBe(202);
    expect((await restOf(plain)).toString()).toBe("the application");
    expect(seen).toEqual(["GET /page"]);
  });

  test("a path that is not ours gets 404: without us no client would have asked it", async () => {
    const wss = attach(server, "/chat");
    const session = await openSession(origin);
    expect((await answerTo(requestWebSocket(session, "/other")))[":status"]).toBe(404);
    expect((await answerTo(requestWebSocket(session, "/chat", { ":protocol": "connect-udp" })))[":status"]).toBe(501);
    expect(seen).toEqual([]);
    expect(wss.counters.refused).toMatchObject({ path: 1, method: 1 });
  });

  test("two WebSocket servers share it by path", async () => {
    const [one, other] = [attach(server, "/one"), attach(server, "/other")];
    const session = await openSession(origin);
    await answerTo(requestWebSocket(session, "/one"));
    await answerTo(requestWebSocket(session, "/other"));
    expect([one.connections.length, other.connections.length]).toEqual([1, 1]);
  });

  // shows 8441-3-2
  test("when the last WebSocket server has ended, the application's server is as before", async () => {
    const [one, other] = [attach(server, "/one"), attach(server, "/other")];
    await one.terminate(0);
    expect(Object.hasOwn(server, "emit")).toBe(true);
    await other.terminate(0);
    expect(Object.hasOwn(server, "emit")).toBe(false);
    const session = await openSession(origin);
    expect(session.remoteSettings.enableConnectProtocol).toBe(false);
  });

  test("somebody who has replaced its emit meanwhile keeps that, and gets everything afterwards", async () => {
    const wss = attach(server);
    const emit = server.emit.bind(server);
    const theirs = (event: string | symbol, ...values: unknown[]): boolean => emit(event, ...values);
    server.emit = theirs;
    const early = await openSession(origin);
    await wss.terminate(0);
    expect(Object.values(server)).toContain(theirs);
    expect((await answerTo(requestWebSocket(early, "/")))[":status"]).toBe(202);
  });
});

describe("a server with an application of requests", () => {
  // shows 8441-4-1
  test("WebSockets do not get the 405 that Node gives without a listener to connect (node#36977)", async () => {
    const server = createServer((_request, response) => void response.end("page"));
    const origin = await listening(server);
    const wss = attach(server);
    const session = await openSession(origin);
    expect((await answerTo(requestWebSocket(session)))[":status"]).toBe(200);
    expect(wss.connections.length).toBe(1);
    const plain = session.request({ ":path": "/" });
    expect((await restOf(plain)).toString()).toBe("page");
  });

  // shows 8441-4-3
  test.each([
    ["another path", "/other", {}, 404, "path"],
    ["another protocol", "/chat", { ":protocol": "connect-udp" }, 501, "method"],
    ["a plain CONNECT", "/chat", { ":protocol": undefined, ":scheme": undefined, ":path": undefined }, 405, "method"],
  ] as const)("%s is refused", async (_name, path, headers, status, reason) => {
    const server = createServer(() => undefined);
    const origin = await listening(server);
    const wss = attach(server, "/chat");
    const session = await openSession(origin);
    expect((await answerTo(requestWebSocket(session, path, headers)))[":status"]).toBe(status);
    expect(wss.counters.refused[reason]).toBe(1);
  });

  test("a listener to connect of the application gets all that is not ours", async () => {
    const server = createServer(() => undefined);
    server.on("connect", (request: Http2ServerRequest, response: Http2ServerResponse) => {
      response.writeHead(299, { "x-path": request.url });
      response.end();
    });
    const origin = await listening(server);
    const wss = attach(server, "/chat");
    const session = await openSession(origin);
    expect(await answerTo(requestWebSocket(session, "/other"))).toMatchObject({ ":status": 299, "x-path": "/other" });
    expect((await answerTo(requestWebSocket(session, "/x", { ":protocol": "connect-udp" })))[":status"]).toBe(299);
    expect((await answerTo(requestWebSocket(session, "/chat")))[":status"]).toBe(200);
    expect(wss.counters.refused).toMatchObject({ path: 0, method: 0 });
  });
});

// A browser takes a stream that is reset before its END_STREAM for broken.
test("the end of each stream goes out before it is closed", async () => {
  const server = createServer();
  const front = await noteFrames(Number(new URL(await listening(server)).port));
  const wss = new WebSocketServer(
    { onConnection: () => ({ onMessage: (ws) => ws.close(1000) }) },
    { server, path: "/chat" },
  );
  onTestFinished(() => wss.terminate(0));
  const session = await openSession(`http://127.0.0.1:${front.port}`);
  const [chat, other] = [requestWebSocket(session, "/chat"), requestWebSocket(session, "/other")];
  await answerTo(chat);
  chat.write(Buffer.from([0x81, 0x80, 0, 0, 0, 0]));
  chat.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
  await Promise.all([restOf(chat), restOf(other)]);
  const frames = (id = 0): readonly string[] => front.frames.get(id)!;
  await until(() => [chat, other].every(({ id }) => frames(id).at(-1) === "RST_STREAM 0"));
  for (const { id } of [chat, other]) {
    expect(frames(id)[0]).toBe("HEADERS");
    expect(frames(id).at(-2)).toBe("DATA END_STREAM");
  }
});

describe("an application that has announced extended CONNECT itself", () => {
  test("gets other paths, and announces it still when the WebSocket server has ended", async () => {
    const server = createServer({ settings: { enableConnectProtocol: true } });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 202 }, { endStream: true });
    });
    const origin = await listening(server);
    const wss = attach(server, "/chat");
    expect((await answerTo(requestWebSocket(await openSession(origin), "/other")))[":status"]).toBe(202);
    await wss.terminate(0);
    expect((await openSession(origin)).remoteSettings.enableConnectProtocol).toBe(true);
  });
});

test("Node's own listener is nobody else's, ours are not either", () => {
  const server = createServer();
  const isForThem = (isExtended: boolean, announced: boolean): boolean => isForOthers(server, isExtended, announced);
  server.on("request", () => undefined);
  expect([isForThem(false, false), isForThem(true, true)]).toEqual([false, false]);
  server.on("stream", () => undefined);
  expect([isForThem(false, false), isForThem(true, false), isForThem(true, true)]).toEqual([true, false, true]);
  server.on("connect", () => undefined);
  expect(isForThem(true, false)).toBe(true);
});
