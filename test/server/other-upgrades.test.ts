import { WebSocketServer } from "hawser";
import { execFile } from "node:child_process";
import { createServer, IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Socket } from "node:net";
import { promisify } from "node:util";
import express from "express";
import fastify from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { markOurs } from "../../src/server/claimed-socket.ts";
import {
  READS_BODIES,
  areAllOurs,
  asksForWebSocket,
  canPassOn,
  isBeforeOthers,
  isPassedOn,
  letOthersPass,
  listenersTo,
  passOn,
} from "../../src/server/other-upgrades.ts";
import { certificate } from "../support/certificate.ts";
import { Peer, portOf, until } from "../support/peer.ts";
import { handshake, RawClient } from "../support/raw-client.ts";

/** Answers with all that it was told. */
const echo: RequestListener = (request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    const { method, url, headers, rawHeaders, upgrade } = request as IncomingMessage & { upgrade: unknown };
    response.setHeader("Content-Type", "text/plain").setHeader("Date", "now");
    response.end(JSON.stringify({ method, url, headers, rawHeaders, upgrade, body }));
  });
};

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return portOf(server);
}

function attach(server: Server, path?: string): WebSocketServer {
  const wss = new WebSocketServer(
    { onConnection: () => ({ onOpen: (ws) => ws.send("ours"), onMessage: () => {} }) },
    { server, ...(path === undefined ? {} : { path }) },
  );
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

/** What the HttpClient of Java 17 sends first, for a POST: recorded from `HttpClient.newHttpClient()`. */
const JAVA =
  "POST /items?x=1 HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 12\r\nHost: 127.0.0.1\r\n" +
  "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\nUpgrade: h2c\r\nUser-Agent: Java-http-client/17.0.15\r\n" +
  "Content-Type: text/plain\r\n\r\nhello, world";

const H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";

const requests: Readonly<Record<string, string>> = {
  "a recorded POST of Java's HttpClient": JAVA,
  "GET with h2c": `GET / HTTP/1.1\r\nHost: x\r\n${H2C}\r\n`,
  "GET with TLS/1.0": "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n",
  "another path": `GET /other?a=%20 HTTP/1.1\r\nHost: x\r\n${H2C}\r\n`,
  HEAD: `HEAD / HTTP/1.1\r\nHost: x\r\n${H2C}\r\n`,
  "a body in chunks": `PUT /b HTTP/1.1\r\nHost: x\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n`,
  "a header twice, in odd letters":
    "GET / HTTP/1.1\r\nhOST: x\r\nupgrade: h2c\r\nX-a: 1\r\nX-A: 2\r\nCookie: a=1\r\ncookie: b=2\r\nconnection: upgrade\r\n\r\n",
  "an end of the connection": "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, foo/1\r\nConnection: close, Upgrade\r\n\r\n",
  "a byte above ASCII": `GET / HTTP/1.1\r\nHost: x\r\nX: \xe4\xff\r\n${H2C}\r\n`,
  "no Host": `GET / HTTP/1.1\r\n${H2C}\r\n`,
};

/** The answer's bytes, with the spelling of `Upgrade` made the same. */
async function answerOf(port: number, request: string, ...more: readonly string[]): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(request);
  const { statusLine, headers, body } = await client
    .response()
    .catch((error: unknown) => Promise.reject(error as Error));
  for (const text of more) client.write(text);
  client.socket.destroy();
  return JSON.stringify([statusLine, [...headers].filter(([name]) => name !== "date"), body]).replace(
    /upgrade(?=\\":?,?)/gi,
    "Upgrade",
  );
}

describe.each(["/", "/ours", undefined])(
  "the same answer with and without a WebSocketServer whose path is %s",
  (path) => {
    test.each(Object.keys(requests).filter((name) => name !== "HEAD"))("%s", async (name) => {
      const [plain, shared] = [createServer(echo), createServer(echo)];
      const [plainPort, sharedPort] = [await listen(plain), await listen(shared)];
      attach(shared, path);
      const expected = await answerOf(plainPort, requests[name]!);
      expect(await answerOf(sharedPort, requests[name]!)).toBe(expected);
    });
  },
);

test("HEAD is answered without a body", async () => {
  const server = createServer(echo);
  const port = await listen(server);
  attach(server);
  const client = await RawClient.connect(port);
  client.write(requests["HEAD"]!, "");
  client.end();
  expect((await client.rest()).toString()).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/);
});

test.each([
  ["at once", 1],
  ["byte by byte", 0],
])(
  "a body that arrives %s, plain requests and a handshake on the same connection are answered in order",
  async (_how, whole) => {
    const server = createServer(echo);
    const port = await listen(server);
    attach(server);
    const client = await RawClient.connect(port);
    const first = `GET /first HTTP/1.1\r\nHost: x\r\n\r\n`;
    if (whole === 1) client.write(first, JAVA);
    else for (const byte of first + JAVA) client.write(byte);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: "/first" });
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: "/items?x=1", body: "hello, world" });
    client.write(`GET /last HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: "/last" });
    client.write(JAVA);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ body: "hello, world" });
    client.write(handshake());
    expect((await client.response()).status).toBe(101);
    expect((await client.frame())?.payload.toString()).toBe("ours");
  },
);

test("over TLS too", async () => {
  const { key, cert } = certificate;
  const server = createSecureServer({ key, cert }, echo);
  const port = await listen(server);
  attach(server);
  const client = await RawClient.connectTls(port, cert);
  client.write(JAVA);
  expect(JSON.parse((await client.response()).body)).toMatchObject({ method: "POST", body: "hello, world" });
  client.write(JAVA);
  expect((await client.response()).status).toBe(200);
});

test("an application of Express gets it", async () => {
  const app = express();
  app.post("/items", express.text(), (request, response) => void response.send(`got ${String(request.body)}`));
  const server = createServer(app);
  const port = await listen(server);
  attach(server);
  const client = await RawClient.connect(port);
  client.write(JAVA);
  expect((await client.response()).body).toBe("got hello, world");
});

test.each(["127.0.0.1", "localhost"])("an application of Fastify that listens on %s gets it", async (host) => {
  const app = fastify();
  onTestFinished(async () => app.close());
  app.post("/items", (request) => `got ${String(request.body)}`);
  await app.listen({ port: 0, host });
  attach(app.server);
  const client = await RawClient.connect(await portOf(app.server));
  client.write(JAVA);
  expect((await client.response()).body).toBe("got hello, world");
});

test("curl --http2 gets the application's answer, also with a body", async () => {
  const server = createServer(echo);
  const port = await listen(server);
  attach(server);
  const curl = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await promisify(execFile)("curl", ["-sS", "--http2", ...args])).stdout);
  const url = `http://127.0.0.1:${String(port)}/`;
  expect(await curl(url)).toMatchObject({ method: "GET", headers: { upgrade: "h2c" } });
  expect(await curl("-d", "a=1", url)).toMatchObject({ method: "POST", body: "a=1", headers: { upgrade: "h2c" } });
});

describe("the request stays a WebSocket server's", () => {
  test("when it names websocket among others", async () => {
    const server = createServer(echo);
    const port = await listen(server);
    attach(server);
    expect((await RawClient.open(port, "/", { Upgrade: "h2c, WebSocket" })).socket.destroyed).toBe(false);
  });

  test("when there is no application: nobody else would answer", async () => {
    const server = createServer();
    const port = await listen(server);
    attach(server);
    const client = await RawClient.connect(port);
    client.write(requests["GET with h2c"]!);
    expect((await client.response()).status).toBe(426);
  });
});

test("another listener that wants the protocol gets it, also after ours", async () => {
  const server = createServer(echo);
  const port = await listen(server);
  attach(server);
  server.on("upgrade", (request, socket: Socket) => {
    if (request.headers.upgrade === "h2c") socket.end("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n");
  });
  const client = await RawClient.connect(port);
  client.write(requests["GET with h2c"]!);
  expect((await client.response()).status).toBe(101);
});

test("without an answer of the others the application gets it in the end", async () => {
  const server = createServer(echo);
  const port = await listen(server);
  attach(server);
  let asked = 0;
  server.on("upgrade", () => asked++);
  const client = await RawClient.connect(port);
  client.write(JAVA);
  expect(JSON.parse((await client.response()).body)).toMatchObject({ body: "hello, world" });
  // Newer versions of Node read the body themselves: nobody else is asked.
  expect(asked).toBe(READS_BODIES ? 0 : 1);
});

test("the parts: who listens, what a request asks for, and whether it was given back", async () => {
  const listener = (): void => {};
  const server = createServer();
  server.on("upgrade", listener);
  expect(areAllOurs(server)).toBe(false);
  expect([isBeforeOthers(server, listener), isBeforeOthers(server, echo)]).toEqual([true, false]);
  const later = (): void => {};
  server.on("upgrade", later);
  expect(isBeforeOthers(server, later)).toBe(false);
  markOurs(listener);
  expect([areAllOurs(server), isBeforeOthers(server, later)]).toEqual([false, true]);
  markOurs(later);
  expect(areAllOurs(server)).toBe(true);
  expect(listenersTo(server)).toEqual([listener, later]);
  const message = new IncomingMessage(new Socket());
  message.rawHeaders = ["Host", "x", "uPGRADE", "h2c, WebSocket"];
  expect([asksForWebSocket(message), isPassedOn(message)]).toEqual([true, false]);
  message.rawHeaders = ["Upgrade", "h2c"];
  expect(asksForWebSocket(message)).toBe(false);
});

test("the web server's own shouldUpgradeCallback is asked about all else, and is there again in the end", () => {
  const server = Object.assign(createServer(echo), { shouldUpgradeCallback: () => "asked" });
  const mine = server.shouldUpgradeCallback;
  const end = letOthersPass(server);
  const decide = server.shouldUpgradeCallback as (message: unknown) => unknown;
  expect(decide({ rawHeaders: ["Upgrade", "websocket"] })).toBe("asked");
  expect(decide({ rawHeaders: ["Upgrade", "h2c"] })).toBe(false);
  server.on("upgrade", () => {});
  expect(decide({ rawHeaders: ["Upgrade", "h2c"] })).toBe("asked");
  end();
  expect(server.shouldUpgradeCallback).toBe(mine);
});

test("passOn waits for the answers to earlier requests", async () => {
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => waiting.push(() => response.end(request.url)));
  server.on("upgrade", (message: IncomingMessage, socket: Socket, head: Buffer) => {
    expect(canPassOn(message, socket)).toBe(true);
    passOn(message, socket, head);
  });
  const port = await listen(server);
  const client = await RawClient.connect(port);
  client.write("GET /0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", JAVA);
  await until(() => waiting.length === 2);
  for (const answer of waiting.splice(0).reverse()) answer();
  expect([(await client.response()).body, (await client.response()).body]).toEqual(["/0", "/1"]);
  await until(() => waiting.length === 1);
  waiting[0]!();
  expect((await client.response()).body).toBe("/items?x=1");
});

test("a handshake is still accepted", async () => {
  const server = createServer(echo);
  const port = await listen(server);
  attach(server);
  expect(await (await Peer.open(port)).received(1)).toEqual(["ours"]);
});

describe("many such requests on one connection", () => {
  const GET = "GET /p HTTP/1.1\r\nHost: x\r\n\r\n";
  test.each([
    ["with another upgrade listener", "", true],
    ["each pipelined after one that is not answered yet", GET, false],
    ["alone", "", false],
  ])("%s leave no listener of ours", async (_how, before, hasOther) => {
    const sockets: Socket[] = [];
    const server = createServer((request, response) => void setImmediate(() => response.end(request.url)));
    server.on("connection", (socket) => sockets.push(socket));
    if (hasOther) server.on("upgrade", () => {});
    const wss = new WebSocketServer({ onConnection: () => null }, { server, path: "/ours", handshakeTimeout: 20 });
    onTestFinished(() => wss.terminate(0));
    const client = await RawClient.connect(await listen(server));
    const ask = async (): Promise<number[]> => {
      client.write(before, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      if (before !== "") expect((await client.response()).body).toBe("/p");
      expect((await client.response()).body).toBe("/");
      return ["error", "close", "end", "data", "drain"].map((event) => sockets[0]!.listenerCount(event));
    };
    const first = await ask();
    for (let i = 0; i < 3; i++) await ask();
    expect(await ask()).toEqual(first);
  });
});
