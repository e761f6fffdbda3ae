import {
  type WSConnectionEvent,
  type WSRefusedEvent,
  WebSocketServer,
  type WebSocketServerOptions,
  refuse,
} from "hawser";
import { EventEmitter, once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { OutgoingHttpHeaders } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { connect as connectSecure } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { refusalReasons } from "../../src/handshake/refusal.ts";
import { HeldSockets } from "../../src/server/held-sockets.ts";
import { certificate } from "../support/certificate.ts";
import { openSession, restOf } from "../support/http2-client.ts";
import { deferred, portOf, turn, until } from "../support/peer.ts";
import { handshake, RawClient, SAMPLE_KEY } from "../support/raw-client.ts";
import { Wire } from "../support/wire.ts";

/** A running server, and the refusals that it reported. */
interface Refusing {
  readonly wss: WebSocketServer;
  readonly events: WSRefusedEvent[];
}

function start(options: WebSocketServerOptions<"text"> = {}, onConnection: () => unknown = () => null): Refusing {
  const events: WSRefusedEvent[] = [];
  const handler = {
    onConnection: onConnection as () => null,
    onError: () => undefined,
    onRefused: (_wss: unknown, event: WSRefusedEvent) => void events.push(event),
  };
  const wss = new WebSocketServer(handler, options);
  onTestFinished(() => wss.terminate(0));
  return { wss, events };
}

const LOCAL = { port: 0, host: "127.0.0.1" } as const;

/** Sends a text to a server of its own. */
async function send(
  text: string,
  options: WebSocketServerOptions<"text"> = {},
  onConnection?: () => unknown,
): Promise<Refusing> {
  const refusing = start({ ...LOCAL, ...options }, onConnection);
  const client = await RawClient.connect(await portOf(refusing.wss));
  client.write(text);
  await client.rest();
  return refusing;
}

const EXTENDED_CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "https",
  ":path": "/",
  ":authority": "localhost",
} as const;

/** Sends a request over HTTP/2 to a server of its own. */
async function sendHttp2(headers: OutgoingHttpHeaders): Promise<Refusing> {
  const refusing = start({ ...LOCAL, tls: certificate });
  const session = await openSession(`https://127.0.0.1:${await portOf(refusing.wss)}`);
  await restOf(session.request(headers));
  return refusing;
}

/** A request that Node would not pass on, handed to `handleUpgrade`. */
function hand(
  changes: object,
  headers: Readonly<Record<string, string | undefined>> = {},
  wire = new Wire(),
  options: WebSocketServerOptions<"text"> = {},
): Refusing {
  const refusing = start(options);
  const all: Record<string, string | undefined> = {
    Host: "example.com",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": SAMPLE_KEY,
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  onTestFinished(() => void wire.destroy());
  const rawHeaders = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const message = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, headers: {}, socket: wire, ...changes };
  refusing.wss.handleUpgrade(message as unknown as IncomingMessage, wire, Buffer.alloc(0));
  return refusing;
}

/** Attaches to a web server that has not answered an earlier request on the socket. */
async function pipeline(): Promise<Refusing> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close().closeAllConnections();
  });
  server.on("request", (_request, response) => setImmediate(() => response.end("first")));
  const refusing = start({ server });
  const client = await RawClient.connect(await portOf(server));
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`);
  await client.rest();
  return refusing;
}

async function goDown(): Promise<Refusing> {
  const asked = deferred();
  const refusing = start(LOCAL, () => {
    asked.resolve();
    return new Promise(() => undefined);
  });
  const client = await RawClient.connect(await portOf(refusing.wss));
  client.write(handshake());
  await asked.promise;
  await refusing.wss.terminate(1);
  return refusing;
}

async function comeTwice(options: WebSocketServerOptions<"text">): Promise<Refusing> {
  const asked = deferred();
  const refusing = start({ ...LOCAL, ...options }, () => {
    asked.resolve();
    return { onMessage: () => undefined };
  });
  const port = await portOf(refusing.wss);
  const first = await RawClient.connect(port);
  first.write(handshake());
  await asked.promise;
  const second = await RawClient.connect(port);
  second.write(handshake());
  await second.rest();
  return refusing;
}

/** For each refusal in the source, by its text: what gets it, and the status and the reason that are reported. */
const scenarios: Readonly<
  Record<string, readonly [how: () => Refusing | Promise<Refusing>, status: number, reason: string]>
> = {
  "The server is going down.": [goDown, 503, "shutdown"],
  "The server is busy.": [() => comeTwice({ maxConnections: 1 }), 503, "limit"],
  "There are too many connections from your address.": [() => comeTwice({ maxConnectionsPerAddress: 1 }), 429, "limit"],
  "The request took too long.": [() => send("GET / HTTP/1.1\r\nHost:", { handshakeTimeout: 50 }), 408, "timeout"],
  "The request is not HTTP/1.1.": [() => send("hello\r\n\r\n"), 400, "malformed"],
  "The server took too long to answer.": [
    () => send(handshake(), { handshakeTimeout: 50 }, () => new Promise(() => undefined)),
    503,
    "timeout",
  ],
  "The server does not let you connect.": [() => send(handshake(), {}, () => null), 403, "handler"],
  "This is a WebSocket server.": [() => send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 426, "version"],
  "Only version 13 of WebSocket is spoken here.": [
    () => send(handshake("/", { "Sec-WebSocket-Version": "8" })),
    426,
    "version",
  ],
  "A WebSocket is opened with GET.": [() => send("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), 405, "method"],
  "A request has exactly one Host header.": [() => send("GET / HTTP/1.1\r\n\r\n"), 400, "malformed"],
  "The Host header is not a host and a port.": [() => send(handshake("/", { Host: "a/admin?" })), 400, "malformed"],
  "The request's headers are too large.": [
    () => send(handshake("/", { X: "a".repeat(3_000) }), { maxHeaderSize: 1_000 }),
    431,
    "headers",
  ],
  "Pages of this origin may not connect.": [() => send(handshake("/", { Origin: "https://a.test" })), 403, "origin"],
  "There is no WebSocket at this path.": [() => send(handshake("/b"), { path: "/a" }), 404, "path"],
  "Only WebSockets are served here.": [() => sendHttp2({ ":path": "/" }), 400, "version"],
  "Of other protocols only WebSocket is spoken here.": [
    () => sendHttp2({ ...EXTENDED_CONNECT, ":protocol": "connect-udp" }),
    501,
    "method",
  ],
  "Only version 13 of WebSocket is spoken over HTTP/2 too.": [
    () => sendHttp2({ ...EXTENDED_CONNECT, "sec-websocket-version": "8" }),
    400,
    "version",
  ],
  "A handshake is sent after the answers to earlier requests.": [pipeline, 400, "malformed"],
  "The server failed.": [() => send(handshake(), {}, () => "no handler"), 500, "error"],
  "A WebSocket needs HTTP/1.1.": [() => hand({ httpVersion: "1.0" }), 400, "malformed"],
  "The request's target is not a path.": [() => hand({ url: "*" }), 400, "malformed"],
  "The request's target is not of printable ASCII.": [
    () => sendHttp2({ ...EXTENDED_CONNECT, "sec-websocket-version": "13", ":path": "/\u00e4" }),
    400,
    "malformed",
  ],
  "The Connection header does not name upgrade.": [() => hand({}, { Connection: "close" }), 400, "malformed"],
  "A WebSocket request has no body.": [() => hand({}, { "Content-Length": "2" }), 400, "malformed"],
  "Sec-WebSocket-Key is not 16 bytes as base64.": [() => hand({}, { "Sec-WebSocket-Key": "a" }), 400, "malformed"],
  "Sec-WebSocket-Protocol is malformed.": [() => hand({}, { "Sec-WebSocket-Protocol": "a b" }), 400, "malformed"],
};

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => [`src/${file}`, readFileSync(`src/${file}`, "utf8")] as const);

describe("each refusal of the source", () => {
  const texts = sources.flatMap(([, source]) =>
    [...source.matchAll(/(?:new Refusal\(\s*\d+,|badRequest\()\s*"([^"]+)"/g)].map(([, text = ""]) => text),
  );

  test("has its text in the same place, so that this test finds it", () => {
    const made = sources.flatMap(([, source]) => [
      ...source.matchAll(/new Refusal\(|[^ ] badRequest\(|\(badRequest\(/g),
    ]);
    // `refuse` makes those of the application, `badRequest` those whose text it is given, and its definition is no call.
    expect(texts.length).toBe(made.length - 3);
  });

  test.each([...new Set(texts)])("is counted, and reported once: %s", async (text) => {
    expect(Object.keys(scenarios)).toContain(text);
    const [how, status, reason] = scenarios[text]!;
    const { wss, events } = await how();
    await until(() => wss.counters.refused[reason as "limit"] > 0);
    expect(wss.counters.refused).toEqual({ ...noRefusals(), [reason]: 1 });
    const reports = reason === "handler" ? [] : [{ type: "refused", status, reason }];
    expect(events.map(({ status, reason, type }) => ({ type, status, reason }))).toEqual(reports);
  });

  test("is walked by a scenario, and no scenario is without one", () => {
    expect(Object.keys(scenarios).sort()).toEqual([...new Set(texts)].sort());
  });
});

describe("a server that is busy", () => {
  /** What brings the server to each place that refuses with "The server is busy." */
  const limits: Readonly<Record<string, WebSocketServerOptions<"text">>> = {
    maxConnections: { maxConnections: 1 },
    maxHandshakes: { maxHandshakes: 1 },
    "maxHandshakes, for a client of another address": { maxHandshakes: 2 },
    maxHandshakesPerSecond: { maxHandshakesPerSecond: 1 },
  };

  test.each(Object.keys(limits))("because of %s reports the client that gets 503, once", async (limit) => {
    let asked = 0;
    const { wss, events } = start({ ...LOCAL, ...limits[limit] }, () => {
      asked++;
      return new Promise(() => undefined);
    });
    const port = await portOf(wss);
    const ask = (localAddress = "127.0.0.1"): void => {
      const client = connect({ port, host: "127.0.0.1", localAddress });
      onTestFinished(() => void client.destroy());
      client.write(handshake());
    };
    ask();
    await until(() => asked === 1);
    if (limit.includes("another")) {
      ask();
      await until(() => asked === 2);
    }
    ask("127.0.0.2");
    await until(() => events.length > 0);
    expect(wss.counters.refused).toEqual({ ...noRefusals(), limit: 1 });
    const remoteAddress = limit.includes("another") ? "127.0.0.1" : "127.0.0.2";
    expect(events).toMatchObject([{ status: 503, reason: "limit", remoteAddress, request: { remoteAddress } }]);
  });
});

function noRefusals(): Record<string, number> {
  return Object.fromEntries(refusalReasons.map((reason) => [reason, 0]));
}

test("nothing sends a refusal but the exit, and the parts that only it calls", () => {
  const callers = sources.filter(([, source]) =>
    /\b(sendRefusal|refuseInOrder|refuseAfterPendingAnswers)\(|offer\.refuse\(/.test(source),
  );
  expect(callers.map(([file]) => file).sort()).toEqual([
    "src/handshake/http1.ts",
    "src/handshake/http2.ts",
    "src/handshake/response.ts",
    "src/server/claimed-socket.ts",
    "src/server/refusal-exit.ts",
  ]);
});

describe("a client that gets no HTTP answer", () => {
  test("because its TLS handshake fails is counted once", async () => {
    const { wss, events } = start({ ...LOCAL, tls: certificate });
    const port = await portOf(wss);
    const plain = await RawClient.connect(port);
    plain.write(handshake());
    await plain.rest();
    const old = connectSecure({ port, host: "127.0.0.1", rejectUnauthorized: true });
    await once(old, "error");
    await until(() => wss.counters.refused.tls > 0);
    expect(wss.counters.refused).toEqual({ ...noRefusals(), tls: wss.counters.refused.tls });
    expect(events[0]).toEqual({
      type: "refused",
      status: undefined,
      reason: "tls",
      request: undefined,
      remoteAddress: "127.0.0.1",
      cause: expect.objectContaining({ code: "ERR_SSL_HTTP_REQUEST" }) as unknown,
    });
  });

  test("because its TLS handshake takes too long is counted once", async () => {
    const { wss } = start({ ...LOCAL, tls: certificate, handshakeTimeout: 50 });
    await (await RawClient.connect(await portOf(wss))).rest();
    await until(() => wss.counters.refused.tls > 0);
    expect(wss.counters.refused).toEqual({ ...noRefusals(), tls: 1 });
  });

  test.each([
    ["without TLS", {}],
    ["with TLS", { tls: certificate }],
  ])("because others wait with it is counted once, %s", async (_how, tls) => {
    const { wss, events } = start({ ...LOCAL, ...tls, maxHandshakes: 1 });
    const port = await portOf(wss);
    const first = await RawClient.connect(port);
    const second = connect(port, "127.0.0.1");
    onTestFinished(() => void second.destroy());
    await first.rest();
    await until(() => wss.counters.refused.limit > 0);
    expect(wss.counters.refused).toEqual({ ...noRefusals(), limit: 1 });
    const nothing = { status: undefined, request: undefined, cause: undefined };
    expect(events).toEqual([{ type: "refused", reason: "limit", remoteAddress: "127.0.0.1", ...nothing }]);
  });
});

describe("a client that has gone before is not refused:", () => {
  /** What `onConnection` does after its client has gone. */
  const answers: Readonly<Record<string, (event: WSConnectionEvent) => unknown>> = {
    null: () => null,
    "a refusal": () => refuse(401),
    "no handler": () => "no handler",
    "an exception": () => {
      throw new Error("mine");
    },
    "an AbortError": ({ signal }) => {
      throw signal.reason;
    },
    "nothing in time": () => new Promise(() => undefined),
  };
  const ways: Readonly<Record<string, (client: RawClient) => unknown>> = {
    "reset it": (client) => client.socket.resetAndDestroy(),
    "closed it": (client) => client.socket.destroy(),
  };
  const cases = Object.keys(answers).flatMap((answer) => Object.keys(ways).map((way) => [answer, way] as const));

  test.each(cases)("%s, after it has %s", async (answer, way) => {
    let event: WSConnectionEvent | undefined;
    const settled = deferred();
    const events: unknown[] = [];
    const handler = {
      async onConnection(_wss: unknown, its: WSConnectionEvent) {
        event = its;
        await new Promise((resolve) => its.signal.addEventListener("abort", resolve));
        settled.resolve();
        return answers[answer]!(its) as null;
      },
      onError: () => undefined,
      onRefused: (_wss: unknown, refused: unknown) => void events.push(refused),
    };
    const wss = new WebSocketServer(handler, { ...LOCAL, handshakeTimeout: 50 });
    onTestFinished(() => wss.terminate(0));
    const client = await RawClient.connect(await portOf(wss));
    client.write(handshake());
    await until(() => event !== undefined);
    ways[way]!(client);
    await settled.promise;
    if (answer === "nothing in time") await until(() => wss.counters.limits.handshakeTimeout === 1);
    await turn();
    await wss.terminate(1);
    expect([wss.counters.refused, events]).toEqual([noRefusals(), []]);
  });

  test.each([
    ["its address is lost", { socket: { destroyed: true, localAddress: "127.0.0.1" } }, {}],
    ["its origin may not connect", {}, { Origin: "https://a.test" }],
    ["its path is unknown", { url: "/nobody" }, {}],
    ["its handshake came before the answers to earlier requests", {}, {}],
  ])("%s", (what, changes, headers) => {
    const wire = new Wire();
    if (what.includes("earlier")) Object.assign(wire, { _httpMessage: new EventEmitter() });
    if (!what.includes("address")) wire.destroy();
    const { wss, events } = hand(changes, headers, wire, what.includes("path") ? { path: "/ours" } : {});
    expect([wss.counters.refused, events]).toEqual([noRefusals(), []]);
    expect(wire.destroyed).toBe(true);
  });
});

describe("onRefused", () => {
  test("gets the address of a client without a request", async () => {
    const { events } = await send("hello\r\n\r\n");
    expect(events).toMatchObject([
      { reason: "malformed", request: undefined, remoteAddress: "127.0.0.1", cause: undefined },
    ]);
    // A Unix socket and other streams have none.
    expect(hand({}, { Connection: "close" }).events).toMatchObject([{ remoteAddress: undefined }]);
  });

  test("gets the address that a trusted proxy reports", async () => {
    const headers = { Origin: "https://a.test", "X-Forwarded-For": "198.51.100.7" };
    const { events } = await send(handshake("/", headers), { trustProxy: 1 });
    expect(events.map(({ remoteAddress }) => remoteAddress)).toEqual(["198.51.100.7"]);
  });

  test("gets the request", async () => {
    const { events } = await send(handshake("/b?x=1", { Origin: "https://a.test" }));
    expect(events[0]?.request).toMatchObject({
      url: "/b?x=1",
      remoteAddress: "127.0.0.1",
      query: { x: "1" },
      headers: { origin: "https://a.test" },
    });
  });

  test("gets the address of a client that has reset its connection after the answer", () => {
    let asked = 0;
    const socket = {
      get remoteAddress(): string | undefined {
        return asked++ === 0 ? "192.0.2.7" : undefined;
      },
    };
    for (const headers of [{ Origin: "https://a.test" }, { Upgrade: "other" }]) {
      asked = 0;
      const { events } = hand({ socket }, headers);
      expect(events.map(({ request }) => request?.remoteAddress)).toEqual(["192.0.2.7"]);
    }
  });

  test("is not called for what the application refuses, which is counted", async () => {
    const { wss, events } = await send(handshake(), {}, () => refuse(401));
    expect(wss.counters.refused).toEqual({ ...noRefusals(), handler: 1 });
    expect(events).toEqual([]);
  });

  test("that throws or rejects is reported to onError, and the client has its answer", async () => {
    const errors: unknown[] = [];
    for (const onRefused of [
      () => Promise.reject(new Error("mine")),
      () => {
        throw new Error("mine");
      },
    ]) {
      const wss = new WebSocketServer(
        { onConnection: () => null, onRefused, onError: (_wss, event) => void errors.push(event.errors[0].message) },
        LOCAL,
      );
      onTestFinished(() => wss.terminate(0));
      const client = await RawClient.connect(await portOf(wss));
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect((await client.response()).status).toBe(426);
    }
    await until(() => errors.length === 2);
    expect(errors).toEqual(["mine", "mine"]);
  });
});

describe("a refusal after an answer of the application", () => {
  const PLAIN = "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n";

  /** A server with an application that never answers, unless the test does. */
  async function hanging(options: WebSocketServerOptions<"text">) {
    const responses: ServerResponse[] = [];
    const server = createServer((_request, response) => responses.push(response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { wss } = start({ server, path: "/ours", ...options });
    const { port } = server.address() as AddressInfo;
    /** Sends a plain request and a handshake. */
    const pipeline = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> => {
      const client = await RawClient.connect(port);
      const before = count(wss);
      client.write(PLAIN, handshake(path, headers));
      await until(() => count(wss) > before);
      return client;
    };
    return { wss, responses, pipeline };
  }

  function count({ counters: { refused } }: WebSocketServer): number {
    return Object.values(refused).reduce((sum, one) => sum + one, 0);
  }

  test.each(["/ours", "/nobody"])("that never comes, at the path %s, ends after handshakeTimeout", async (path) => {
    const { wss, pipeline } = await hanging({ handshakeTimeout: 50 });
    const client = await pipeline(path);
    await client.rest();
    expect(wss.counters.limits.handshakeTimeout).toBe(1);
  });

  test.each(["/ours", "/nobody"])("that never comes, at the path %s, takes a place until then", async (path) => {
    const { wss, pipeline } = await hanging({ maxHandshakes: 2 });
    const clients = [await pipeline(path), await pipeline(path), await pipeline(path)];
    await clients[0]?.rest();
    expect(wss.counters.limits.maxHandshakes).toBe(1);
    // `terminate(0)` destroys the others.
    await wss.terminate(0);
    await Promise.all([clients[1]?.rest(), clients[2]?.rest()]);
  });

  test.each(["/ours", "/nobody"])("at the path %s lingers under the address that a proxy reports", async (path) => {
    const linger = vi.spyOn(HeldSockets.prototype, "linger");
    onTestFinished(() => {
      linger.mockRestore();
    });
    const { responses, pipeline } = await hanging({ trustProxy: 1 });
    const client = await pipeline(path, { "X-Forwarded-For": "198.51.100.7" });
    responses[0]?.end("plain");
    expect((await client.response()).body).toBe("plain");
    expect((await client.response()).status).toBe(path === "/ours" ? 400 : 404);
    expect(linger.mock.calls.map(([, address]) => address)).toEqual(["198.51.100.7"]);
  });
});
