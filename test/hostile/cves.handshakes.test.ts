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
import { type Gate, gate, portOf, until } from "../support/peer.ts";
import { RawClient, handshake, masked } from "../support/raw-client.ts";

// Weaknesses of other products, tried on this one: those of the opening handshake. docs/security.md says what went wrong there.

/** A web server of the user's that listens, with an answer for plain requests. */
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

/** Attaches to a web server, or has one of its own. */
function at(server: Server | undefined): WebSocketServerOptions {
  return server === undefined ? {} : { server, port: undefined, host: undefined };
}

/** A server whose onConnection is `answer`. */
async function answering(answer: (event: WSConnectionEvent) => unknown): Promise<{ port: number; errors: number[] }> {
  const errors: number[] = [];
  const handler = {
    onConnection: (_wss: unknown, event: WSConnectionEvent) => answer(event),
    onError: (_wss: unknown, event: WSErrorEvent) => void errors.push(event.errors[0].errCode),
  };
  const wss = new WebSocketServer(handler as WSHandler, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  return { port: await portOf(wss), errors };
}

/** Whether a client that keeps the rules is let in and answered. */
async function servesOthers({ port }: { port: number }): Promise<boolean> {
  const client = await RawClient.open(port);
  client.write(masked(0x89, "there?"));
  return (await client.frame())?.payload.toString() === "there?";
}

/** Sends bytes and reads all that comes until the connection ends. */
async function answerTo(port: number, ...bytes: readonly (string | Uint8Array)[]): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(...bytes);
  return (await client.rest()).toString("latin1");
}

/** The status lines in an answer. */
function statusLines(answer: string): string[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status = ""]) => status);
}

/** Fields that are not in `handshake`, as lines. */
function withLines(lines: string): string {
  return handshake("/asked").replace(/\r\n$/, `${lines}\r\n`);
}

const HOSTILE_NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "prototype"];

test.each(HOSTILE_NAMES)("GHSA-5v72-xg48-5rpm: an extension called %s is one like any other", async (name) => {
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
  ["Sec-WebSocket-Extensions", 400],
  ["Connection", 426],
  ["Upgrade", 426],
  ["Origin", 403],
  ["X-Forwarded-For", 101],
])("CVE-2021-32640: 120,000 blanks in %s are read in one pass", async (field, expected) => {
  const live = await startServer({}, { maxHeaderSize: 1024 * 1024, trustProxy: 1 });
  const client = await RawClient.connect(live.port);
  // Where each blank is tried with each that follows, this is more than the test has time for.
  client.write(handshake("/", { [field]: `a${" ".repeat(120_000)}b` }));
  expect((await client.response()).status).toBe(expected);
  expect(await servesOthers(live)).toBe(true);
});

describe("CVE-2024-37890: a handshake with its headers behind 1,100 others", () => {
  const others = "a: b\r\n".repeat(1100);
  const request = handshake("/", { Origin: "https://elsewhere.example" }).replace("\r\n", `\r\n${others}`);

  test.each([
    ["of our own sees them all", undefined, "403"],
    ["of the user's that keeps a thousand gets 431", 1000, "431"],
    ["of the user's that keeps ten gets 431", 10, "431"],
    ["of the user's that keeps all sees them all", 0, "403"],
  ])("on a web server %s", async (_whose, kept, status) => {
    const live = await startServer({}, at(kept === undefined ? undefined : await webServer(kept)));
    expect(statusLines(await answerTo(live.port, request))).toEqual([status]);
    expect(live.recorders).toEqual([]);
    expect(await servesOthers(live)).toBe(true);
  });
});

describe("CVE-2026-1527: CR and LF of a client's get into no answer", () => {
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
  ])("in %s they are an error of onConnection's, and HTTP 500", async (_where, answer) => {
    const { port, errors } = await answering((event) => answer(String(event.request.query["name"]), event));
    const got = await answerTo(port, handshake(hostile, { "Sec-WebSocket-Protocol": "chat" }));
    expect(statusLines(got)).toEqual(["500"]);
    expect(got).not.toContain("Set-Cookie");
    // HWS_HANDLER_FAILED, for refuse() and the choice of a subprotocol have thrown.
    expect(errors).toEqual([301]);
  });

  test("in a refusal's body they stay within its length", async () => {
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
  ])("a handshake with %s gets one 400, and what is behind it is not read", async (_what, lines) => {
    const live = await startServer({}, at(await makeServer()));
    const answer = await answerTo(live.port, withLines(lines), smuggled, smuggled);
    expect(statusLines(answer)).toEqual(["400"]);
    expect(live.recorders).toEqual([]);
    expect(await servesOthers(live)).toBe(true);
  });

  test("what is behind a handshake is frames: a request there is not answered", async () => {
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
  ])("a page of %s gets 403, and onConnection is not asked", async (origin) => {
    const live = await startServer();
    const answer = await answerTo(live.port, handshake("/", { ...cookies, Origin: origin }));
    expect(statusLines(answer)).toEqual(["403"]);
    expect(answer).not.toMatch(/access-control/i);
    expect(live.recorders).toEqual([]);
  });

  test("a page whose own name was pointed at us (DNS rebinding) is of our host, unless origins names ours", async () => {
    const rebound = { ...cookies, Host: "elsewhere.example", Origin: "http://elsewhere.example" };
    const [any, named] = [await startServer(), await startServer({}, { origins: ["https://app.example.com"] })];
    expect(await answerTo(any.port, handshake("/", rebound), masked(0x88))).toMatch(/^HTTP\/1\.1 101 /);
    expect(await answerTo(named.port, handshake("/", rebound))).toMatch(/^HTTP\/1\.1 403 /);
    expect(named.recorders).toEqual([]);
  });

  test("a plain request is told nothing that lets a page of elsewhere read it", async () => {
    const { port } = await startServer();
    const answer = await answerTo(port, "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://elsewhere.example\r\n\r\n");
    expect(statusLines(answer)).toEqual(["426"]);
    expect(answer).not.toMatch(/access-control/i);
  });
});

test("GHSA-c4j6-fc7j-m34r: a target that names another server is answered here, and that one hears nothing", async () => {
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

test("CVE-2026-54466: a handshake of draft 75 or 76 is told that 13 is spoken, and its frames are not read", async () => {
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

/** A server whose onConnection waits. */
async function waiting(server?: Server): Promise<Live & { readonly held: Gate; readonly asked: () => number }> {
  const held = gate();
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

test("CVE-2022-21676: a bad frame that comes before onConnection has answered is refused when it has", async () => {
  const { port, held, asked, recorders } = await waiting();
  const client = await RawClient.connect(port);
  client.write(handshake(), masked(0xb1, "RSV2 and RSV3"));
  await until(() => asked() === 1);
  held.open();
  expect((await client.response()).status).toBe(101);
  expect((await client.frames()).map(({ payload }) => payload.readUInt16BE())).toEqual([1002]);
  client.end();
  await recorders[0]!.over;
  expect(recorders[0]!.calls.map(([callback]) => callback)).toEqual(["open", "error", "terminate"]);
});

test("CVE-2022-41940: a client that resets while it waits for onConnection harms nobody, on a web server of the user's", async () => {
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
  // Without ours, nobody but the test would be there to hear the error.
  const listeners = socket.listenerCount("error");
  client.socket.resetAndDestroy();
  await until(() => socket.destroyed);
  live.held.open();
  expect(await servesOthers(live)).toBe(true);
  expect(failures).toEqual(["ECONNRESET"]);
  expect(listeners).toBeGreaterThan(1);
  expect(live.wss.counters.connections).toEqual({ opened: 1, closed: 0 });
});

test.each(["EIO=NaN&transport=__proto__", "EIO=4&EIO=3&sid[]=a&sid[]=b", "%", "%00=%ff%zz", "a=%E0%A4%A", "&&==&"])(
  "CVE-2023-31125: the query %s is read, or left alone, and harms nobody",
  async (query) => {
    const seen: unknown[] = [];
    const live = await startServer({ connection: ({ request }) => seen.push({ ...request.query }) });
    const answer = await answerTo(live.port, handshake(`/engine.io/?${query}`), masked(0x88));
    expect(statusLines(answer)).toEqual(["101"]);
    expect(seen).toEqual([expect.any(Object)]);
    expect(await servesOthers(live)).toBe(true);
  },
);

test("CVE-2026-27889: a length of 2^62 that comes before onConnection has answered is 1009 when it has", async () => {
  const { port, held, asked, recorders } = await waiting();
  const client = await RawClient.connect(port);
  client.write(handshake(), [0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], "and what it promises");
  await until(() => asked() === 1);
  expect(recorders).toEqual([]);
  held.open();
  expect((await client.response()).status).toBe(101);
  expect((await client.frames()).map(({ payload }) => payload.readUInt16BE())).toEqual([1009]);
  client.end();
  await recorders[0]!.over;
});
