import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { type AddressInfo, type Socket, createServer as createTcpServer } from "node:net";
import {
  type WSConnectionEvent,
  type WSErrorEvent,
  WebSocketServer,
  type WebSocketServerOptions,
  type WSHandler,
  refuse,
} from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Live, startServer } from "../support/live-server.ts";
import { type Deferred, deferred, portOf, until } from "../support/peer.ts";
import { RawClient, handshake, masked } from "../support/raw-client.ts";
import { ownPort } from "../support/transport.ts";

// Known attacks on the opening handshake of other products, tried here. docs/security.md describes them.

/** A listening web server of the user's, which answers plain requests. */
async function webServer(maxHeadersCount?: number): Promise<Server> {
  const web = createServer((_request, response) => response.end("a page"));
  if (maxHeadersCount !== undefined) web.maxHeadersCount = maxHeadersCount;
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => {
    web.close();
    web.closeAllConnections();
  });
  return web;
}

/** Attaches to a web server, or starts its own. */
function at(server: Server | undefined): WebSocketServerOptions {
  return server === undefined ? {} : { server, port: undefined, host: undefined };
}

/** A server with `answer` as onConnection. */
async function answering(answer: (event: WSConnectionEvent) => unknown): Promise<{ port: number; errors: number[] }> {
  const errors: number[] = [];
  const handler = {
    onConnection: (_wss: unknown, event: WSConnectionEvent) => answer(event),
    onError: (_wss: unknown, event: WSErrorEvent) => void errors.push(event.errors[0].errCode),
  };
  const wss = new WebSocketServer(handler as WSHandler, await ownPort());
  onTestFinished(() => wss.terminate(0));
  return { port: await portOf(wss), errors };
}

/** Whether a valid client is accepted and answered. */
async function servesOthers({ port }: { port: number }): Promise<boolean> {
  const client = await RawClient.open(port);
  client.write(masked(0x89, "there?"));
  return (await client.frame())?.payload.toString() === "there?";
}

/** Sends bytes and reads everything until the connection ends. */
async function answerTo(port: number, ...bytes: readonly (string | Uint8Array)[]): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(...bytes);
  return (await client.rest()).toString("latin1");
}

/** The status lines in a response. */
function statusLines(answer: string): string[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status = ""]) => status);
}

/** Fields that are not in `handshake`, as lines. */
function withLines(lines: string): string {
  return handshake("/asked").replace(/\r\n$/, `${lines}\r\n`);
}

const HOSTILE_NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "prototype"];

test.each(HOSTILE_NAMES)("GHSA-5v72-xg48-5rpm: an extension called %s is like any other", async (name) => {
  const seen: unknown[] = [];
  const live = await startServer({
    connection: ({ request, protocols }) =>
      seen.push(request.headers[name.toLowerCase()], request.query[name], protocols),
  });
  const fields = {
    "Sec-WebSocket-Extensions": `${name}, x; ${name}; ${name}=1`,
    "Sec-WebSocket-Protocol": name,
  };
  const client = await RawClient.connect(live.port);
  client.write(handshake(`/?${name}=1&${name}=2`, fields).replace("\r\n", `\r\n${name}: a\r\n`));

  const { status, headers } = await client.response();

  expect(status).toBe(101);
  expect([...headers.keys()].sort()).toEqual(["connection", "sec-websocket-accept", "upgrade"]);
  expect(seen).toEqual(["a", ["1", "2"], [name]]);
  expect(await servesOthers(live)).toBe(true);
});

test.each([
  ["Sec-WebSocket-Protocol", 400],
  ["Sec-WebSocket-Extensions", 101],
  ["Connection", 426],
  ["Upgrade", 426],
  ["Origin", 403],
  ["X-Forwarded-For", 101],
])("CVE-2021-32640: 120,000 blanks in %s are read in one pass", async (field, expected) => {
  const live = await startServer({}, { maxHeaderSize: 1024 * 1024, trustProxy: 1 });
  const client = await RawClient.connect(live.port);
  // With quadratic time this would exceed the test's timeout.
  client.write(handshake("/", { [field]: `a${" ".repeat(120_000)}b` }));
  expect((await client.response()).status).toBe(expected);
  expect(await servesOthers(live)).toBe(true);
});

describe("CVE-2024-37890: a handshake with its headers after 1,100 others", () => {
  const others = "a: b\r\n".repeat(1100);
  const request = handshake("/", { Origin: "https://elsewhere.example" }).replace("\r\n", `\r\n${others}`);

  test.each([
    ["of our own: all headers are seen", undefined, "403"],
    ["of the user's that keeps a thousand headers: 431", 1000, "431"],
    ["of the user's that keeps ten headers: 431", 10, "431"],
    ["of the user's that keeps all headers: all are seen", 0, "403"],
  ])("on a web server %s", async (_whose, kept, status) => {
    const live = await startServer({}, at(kept === undefined ? undefined : await webServer(kept)));
    expect(statusLines(await answerTo(live.port, request))).toEqual([status]);
    expect(live.recorders).toEqual([]);
    expect(await servesOthers(live)).toBe(true);
  });
});

describe("CVE-2026-1527: CR and LF from a client are never in a response", () => {
  const hostile = "/?name=x%0D%0ASet-Cookie:%20a=b%0D%0A%0D%0Abody";

  test.each([
    ["a header of refuse()", (name: string) => refuse(401, "no", { "X-Name": name })],
    ["a header's name", (name: string) => refuse(401, "no", { [name]: "x" })],
    ["one of several headers", (name: string) => refuse(401, "no", { "X-Name": ["x", name] })],
    [
      "the subprotocol",
      (name: string, event: WSConnectionEvent) => {
        event.protocol = name;
        return { onMessage() {} };
      },
    ],
  ])("in %s they are an error of onConnection, and HTTP 500", async (_where, answer) => {
    const { port, errors } = await answering((event) => answer(String(event.request.query["name"]), event));
    const got = await answerTo(port, handshake(hostile, { "Sec-WebSocket-Protocol": "chat" }));
    expect(statusLines(got)).toEqual(["500"]);
    expect(got).not.toContain("Set-Cookie");
    // HWS_HANDLER_FAILED: refuse() or the choice of a subprotocol has thrown.
    expect(errors).toEqual([301]);
  });

  test("in the body of a refusal they stay within its Content-Length", async () => {
    const { port } = await answering((event) => refuse(401, String(event.request.query["name"])));
    const client = await RawClient.connect(port);
    client.write(handshake(hostile));
    const { headers, body } = await client.response();
    expect([...headers.keys()].sort()).toEqual(["connection", "content-length", "content-type"]);
    expect(body).toBe("x\r\nSet-Cookie: a=b\r\n\r\nbody\n");
    expect((await client.rest()).length).toBe(0);
  });
});

describe.each([
  ["our own web server", async () => undefined],
  ["a web server of the user's", async () => webServer()],
])("request smuggling (uWebSockets#1497) on %s", (_whose, makeServer) => {
  const smuggled = handshake("/smuggled");

  test.each([
    ["a length and a body", `Content-Length: ${smuggled.length}\r\n`],
    ["chunks", "Transfer-Encoding: chunked\r\n"],
    ["chunks and a length", `Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length}\r\n`],
    ["chunks, said twice", "Transfer-Encoding: chunked, identity\r\nTransfer-Encoding: chunked\r\n"],
    ["two lengths that differ", `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`],
    ["a list of lengths", `Content-Length: 0, ${smuggled.length}\r\n`],
    ["a length with a sign", `Content-Length: +${smuggled.length}\r\n`],
    ["a blank before the colon", `Content-Length : ${smuggled.length}\r\n`],
    ["a line that is folded", `X-Y: z\r\n Content-Length: ${smuggled.length}\r\n`],
    ["a bare LF", `X-Y: z\nContent-Length: ${smuggled.length}\r\n`],
  ])("a handshake with %s gets one 400, and nothing after it is read", async (_what, lines) => {
    const live = await startServer({}, at(await makeServer()));
    const answer = await answerTo(live.port, withLines(lines), smuggled, smuggled);
    expect(statusLines(answer)).toEqual(["400"]);
    expect(live.recorders).toEqual([]);
    expect(await servesOthers(live)).toBe(true);
  });

  test("the bytes after a handshake are frames: a request there is not answered", async () => {
    const asked: string[] = [];
    const live = await startServer({ connection: ({ request }) => asked.push(request.url) }, at(await makeServer()));
    const client = await RawClient.connect(live.port);
    client.write(withLines("Content-Length: 0\r\n"), smuggled);
    expect((await client.response()).status).toBe(101);
    expect((await client.frames()).map(({ opcode, payload }) => [opcode, payload.readUInt16BE()])).toEqual([[8, 1002]]);
    expect(asked).toEqual(["/asked"]);
  });
});

describe("cross-site WebSocket hijacking (Vite, CVE-2020-28481)", () => {
  const cookies = { Cookie: "session=the visitor's" };

  test.each([
    "https://elsewhere.example",
    "null",
    "file://",
    "http://127.0.0.1.elsewhere.example",
    "http://127.0.0.1:1",
  ])("a page of %s gets 403, and onConnection is not called", async (origin) => {
    const live = await startServer();
    const answer = await answerTo(live.port, handshake("/", { ...cookies, Origin: origin }));
    expect(statusLines(answer)).toEqual(["403"]);
    expect(answer).not.toMatch(/access-control/i);
    expect(live.recorders).toEqual([]);
  });

  test("a page whose name points at our address (DNS rebinding) is of the same host, unless origins lists our names", async () => {
    const rebound = { ...cookies, Host: "elsewhere.example", Origin: "http://elsewhere.example" };
    const [any, named] = [await startServer(), await startServer({}, { origins: ["https://app.example.com"] })];
    expect(await answerTo(any.port, handshake("/", rebound), masked(0x88))).toMatch(/^HTTP\/1\.1 101 /);
    expect(await answerTo(named.port, handshake("/", rebound))).toMatch(/^HTTP\/1\.1 403 /);
    expect(named.recorders).toEqual([]);
  });

  test("a plain request gets no header that lets a page of another origin read the response", async () => {
    const { port } = await startServer();
    const answer = await answerTo(port, "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://elsewhere.example\r\n\r\n");
    expect(statusLines(answer)).toEqual(["426"]);
    expect(answer).not.toMatch(/access-control/i);
  });
});

test("GHSA-c4j6-fc7j-m34r: a target that names another server is answered here, and the other server gets no request", async () => {
  let heard = 0;
  const inner = createTcpServer(() => heard++);
  inner.listen(0, "127.0.0.1");
  await once(inner, "listening");
  onTestFinished(() => void inner.close());
  const { port: innerPort } = inner.address() as AddressInfo;
  const { port, recorders } = await startServer();

  for (const field of ["Host", "X-Forwarded-Host", "Origin"]) {
    const fields = field === "Origin" ? {} : { [field]: `127.0.0.1:${innerPort}` };
    const answer = await answerTo(port, handshake(`http://127.0.0.1:${innerPort}/`, fields), masked(0x88));
    expect(statusLines(answer)).toEqual(["101"]);
  }

  expect(recorders).toHaveLength(3);
  expect(heard).toBe(0);
});

test("CVE-2026-54466: a handshake of draft 75 or 76 is told to use version 13, and its frames are not read", async () => {
  const live = await startServer();
  const draft75 = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://x\r\n\r\n";
  const draft76 = draft75.replace(
    /\r\n$/,
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n",
  );
  for (const draft of [draft75, draft76]) {
    const answer = await answerTo(live.port, draft, "^n:ds[4U", Uint8Array.of(0x80, ...Array<number>(20).fill(0xff)));
    expect(statusLines(answer)).toEqual(["426"]);
    expect(answer).toContain("\r\nSec-WebSocket-Version: 13\r\n");
  }
  expect(live.recorders).toEqual([]);
  expect(await servesOthers(live)).toBe(true);
});

/** A server whose onConnection is pending. */
async function waiting(server?: Server): Promise<Live & { readonly held: Deferred; readonly asked: () => number }> {
  const held = deferred();
  const live = await startServer({}, at(server));
  let asked = 0;
  const handler = live.wss.handler as { onConnection: (...args: unknown[]) => unknown };
  const { onConnection } = handler;
  handler.onConnection = async (...args) => {
    asked++;
    await held.promise;
    return onConnection(...args);
  };
  return { ...live, held, asked: () => asked };
}

test("CVE-2022-21676: a bad frame that comes before onConnection has settled is refused after that", async () => {
  const { port, held, asked, recorders } = await waiting();
  const client = await RawClient.connect(port);
  client.write(handshake(), masked(0xb1, "RSV2 and RSV3"));
  await until(() => asked() === 1);
  held.resolve();
  expect((await client.response()).status).toBe(101);
  expect((await client.frames()).map(({ payload }) => payload.readUInt16BE())).toEqual([1002]);
  client.end();
  await recorders[0]!.over;
  expect(recorders[0]!.calls.map(([callback]) => callback)).toEqual(["open", "error", "terminate"]);
});

test("CVE-2022-41940: a client that resets while onConnection is pending does no harm, on a web server of the user's", async () => {
  const web = await webServer();
  const live = await waiting(web);
  const [[socket], client] = await Promise.all([
    once(web, "connection") as Promise<[Socket]>,
    RawClient.connect(live.port),
  ]);
  const failures: unknown[] = [];
  socket.prependListener("error", (error: NodeJS.ErrnoException) => failures.push(error.code));
  client.write(handshake(), masked(0x81, "hello"));
  await until(() => live.asked() === 1);
  // Without our listener only the test would get the error.
  const listeners = socket.listenerCount("error");
  client.socket.resetAndDestroy();
  await until(() => socket.destroyed);
  live.held.resolve();
  expect(await servesOthers(live)).toBe(true);
  expect(failures).toEqual(["ECONNRESET"]);
  expect(listeners).toBeGreaterThan(1);
  expect(live.wss.counters.connections).toEqual({ opened: 1, closed: 0, leaving: 0 });
});

test.each(["EIO=NaN&transport=__proto__", "EIO=4&EIO=3&sid[]=a&sid[]=b", "%", "%00=%ff%zz", "a=%E0%A4%A", "&&==&"])(
  "CVE-2023-31125: the query %s is read or ignored, and does no harm",
  async (query) => {
    const seen: unknown[] = [];
    const live = await startServer({ connection: ({ request }) => seen.push({ ...request.query }) });
    const answer = await answerTo(live.port, handshake(`/engine.io/?${query}`), masked(0x88));
    expect(statusLines(answer)).toEqual(["101"]);
    expect(seen).toEqual([expect.any(Object)]);
    expect(await servesOthers(live)).toBe(true);
  },
);

test("CVE-2026-27889: a length of 2^62 that comes before onConnection has settled is 1009 after that", async () => {
  const { port, held, asked, recorders } = await waiting();
  const client = await RawClient.connect(port);
  client.write(handshake(), [0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], "and what it promises");
  await until(() => asked() === 1);
  expect(recorders).toEqual([]);
  held.resolve();
  expect((await client.response()).status).toBe(101);
  expect((await client.frames()).map(({ payload }) => payload.readUInt16BE())).toEqual([1009]);
  client.end();
  await recorders[0]!.over;
});
