import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import {
  ConnectError,
  InvalidArgumentError,
  WebSocket,
  type ClientOptions,
  type WSTerminateEvent,
} from "hawser/client";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { certificate, renewedCertificate } from "../support/certificate.ts";
import { startServer } from "../support/live-server.ts";
import { turn, until } from "../support/peer.ts";
import { closeBody } from "../support/raw-client.ts";
import { type ClientFrame, type RawPeer, RawServer, headerOf, validAnswer } from "./raw-server.ts";

/** A client of a raw server that is destroyed at the end of the test, and what its handler has got. */
class Dialed {
  readonly ws: WebSocket;
  readonly messages: unknown[] = [];
  readonly errors: unknown[] = [];
  readonly closed: Promise<WSTerminateEvent>;

  constructor(url: string, options: ClientOptions<"text"> = {}) {
    this.ws = new WebSocket(
      url,
      {
        onMessage: (_ws, { data }) => void this.messages.push(data),
        onError: (_ws, { errors }) => void this.errors.push(errors[0].cause),
      },
      options,
    );
    this.closed = this.ws.closed;
    onTestFinished(() => this.ws.destroy());
  }
}

/** A client, and its connection as a raw server has it. */
async function dial(path = "/", options: ClientOptions<"text"> = {}): Promise<[Dialed, RawPeer]> {
  const server = await RawServer.open();
  const dialed = new Dialed(`ws://127.0.0.1:${String(server.port)}${path}`, options);
  return [dialed, await server.next()];
}

/** The same, after the handshake. */
async function connected(options: ClientOptions<"text"> = {}): Promise<[Dialed, RawPeer]> {
  const [dialed, peer] = await dial("/", options);
  await peer.accept();
  await until(() => dialed.ws.status === "Connected");
  return [dialed, peer];
}

describe("the request", () => {
  // shows 6455-4.1-1, 6455-4.1-14, 6455-4.1-15, 6455-4.1-16, 6455-4.1-17, 6455-4.1-18, 6455-4.1-20, 6455-4.1-21, 6455-4.1-22, 6455-4.1-23, 6455-4.1-24, 6455-4.1-28, 6455-4.1-29
  test("is a GET of HTTP/1.1 with the resource name and the headers of a handshake, and its answer is read", async () => {
    const [{ ws }, peer] = await dial("/a/path?with=query&x=%20");
    const head = await peer.accept();
    const lines = head.slice(0, -4).split("\r\n");
    expect(lines[0]).toBe("GET /a/path?with=query&x=%20 HTTP/1.1");
    for (const line of lines.slice(1)) expect(line).toMatch(/^[\w-]+: \S.*$/);
    expect(new Set(lines.map((line) => line.split(":")[0]?.toLowerCase())).size).toBe(lines.length);
    expect(headerOf(head, "Upgrade")).toBe("websocket");
    expect(headerOf(head, "Connection")).toBe("Upgrade");
    expect(headerOf(head, "Sec-WebSocket-Key")).toBeDefined();
    expect(headerOf(head, "Sec-WebSocket-Version")).toBe("13");
    await until(() => ws.status === "Connected");
    expect([ws.protocol, ws.extensions]).toEqual([undefined, ""]);
  });

  // shows 6455-4.1-19
  test("has the host, and the port if it is not the default one", async () => {
    const server = await RawServer.open();
    const port = String(server.port);
    const createConnection = (): Socket => connect(server.port, "127.0.0.1");
    for (const [url, host] of [
      [`ws://127.0.0.1:${port}`, `127.0.0.1:${port}`],
      ["ws://example.test", "example.test"],
      ["ws://example.test:80/", "example.test"],
      ["ws://example.test:443/", "example.test:443"],
      ["ws://[::1]:8080/", "[::1]:8080"],
    ] as const) {
      new Dialed(url, { createConnection });
      expect(headerOf(await (await server.next()).head(), "Host")).toBe(host);
    }
  });

  // shows 6455-4.1-25, 6455-4.1-26
  test("has a new key of 16 bytes for each connection", async () => {
    const server = await RawServer.open();
    const keys = new Set<string>();
    const bits = Buffer.alloc(16);
    for (let i = 0; i < 20; i++) {
      new Dialed(`ws://127.0.0.1:${String(server.port)}`);
      const key = headerOf(await (await server.next()).head(), "Sec-WebSocket-Key") ?? "";
      expect(key).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      keys.add(key);
      for (const [at, byte] of Buffer.from(key, "base64").entries()) bits[at] = (bits[at] ?? 0) | byte;
    }
    expect(keys.size).toBe(20);
    // No byte is the same in all of them: they are random everywhere.
    expect([...bits].filter((byte) => byte === 0)).toEqual([]);
  });

  // shows 6455-4.1-2, 6455-4.1-3
  test.each(["", "host", "ws://", "ws://host:65536", "ws://a b/", "ftp://host", "ws://host/#part", "ws://host/#"])(
    "is not sent for a URL that is not valid: %j",
    (url) => {
      expect(() => new WebSocket(url)).toThrow(InvalidArgumentError);
    },
  );

  // shows 6455-4.1-30, 6455-4.1-31
  test("offers subprotocols that are tokens and all different, and refuses others", async () => {
    const [{ ws }, peer] = await dial("/", { protocols: ["mqtt", "v2.example"] });
    expect(headerOf(await peer.accept("Sec-WebSocket-Protocol: v2.example"), "Sec-WebSocket-Protocol")).toBe(
      "mqtt, v2.example",
    );
    await until(() => ws.status === "Connected");
    expect(ws.protocol).toBe("v2.example");
    for (const protocols of ["", "a b", "a,b", ["a", "a"], ["é"], [""]])
      expect(() => new WebSocket("ws://127.0.0.1", {}, { protocols })).toThrow(InvalidArgumentError);
  });

  // shows 6455-4.1-32
  test("is all that is sent before the answer, also if messages wait", async () => {
    const [{ ws }, peer] = await dial("/", { reconnect: { whileAway: "queue" } });
    expect(ws.send("waits")).toBe(true);
    const head = await peer.head();
    for (let i = 0; i < 20; i++) await turn();
    expect(peer.unread).toHaveLength(0);
    peer.answer(...validAnswer(head));
    expect((await peer.frame()).payload.toString()).toBe("waits");
  });
});

describe("a connection that cannot be opened", () => {
  // shows 6455-4.1-9
  test("ends the client: onError, then onTerminate with 1006", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { ws, closed, errors } = new Dialed(`ws://127.0.0.1:${String(port)}`);
    expect(await closed).toMatchObject({ code: 1006 });
    expect(errors).toEqual([expect.objectContaining({ code: "HWS_CONNECT_FAILED", stage: "tcp" })]);
    expect(ws.status).toBe("Closed");
  });
});

describe("TLS", () => {
  // shows 6455-4.1-10, 6455-4.1-12
  test("comes before all other data, and everything goes through it", async () => {
    const { port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) }, { tls: certificate });
    const wire: Buffer[] = [];
    const relay = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      near.on("data", (chunk) => wire.push(chunk)).pipe(far);
      far.pipe(near);
      onTestFinished(() => [near, far].forEach((socket) => socket.destroy()));
    }).listen(0, "127.0.0.1");
    onTestFinished(() => new Promise((resolve) => relay.close(() => resolve())));
    await once(relay, "listening");
    const url = `wss://localhost:${String((relay.address() as { port: number }).port)}/`;
    const createConnection = (): Socket => connect((relay.address() as { port: number }).port, "127.0.0.1");
    const { ws, messages, closed } = new Dialed(url, { tls: { ca: certificate.cert }, createConnection });
    await until(() => ws.status === "Connected");
    ws.send("a secret");
    await until(() => messages.length === 1);
    ws.terminate();
    expect((await closed).code).toBe(1000);
    expect(recorders[0]?.messages).toEqual(["a secret"]);
    // A handshake record of TLS.
    expect(wire[0]?.[0]).toBe(0x16);
    const sent = Buffer.concat(wire).toString("latin1");
    for (const clear of ["GET ", "websocket", "a secret"]) expect(sent).not.toContain(clear);
  });

  // shows 6455-4.1-11
  test("that fails ends the client, and no request is sent", async () => {
    const { port, recorders } = await startServer({}, { tls: certificate });
    const { closed, errors } = new Dialed(`wss://127.0.0.1:${String(port)}`, { tls: { ca: renewedCertificate.cert } });
    expect(await closed).toMatchObject({ code: 1006 });
    expect(errors).toEqual([expect.objectContaining({ code: "HWS_CONNECT_FAILED", stage: "tls" })]);
    expect(recorders).toEqual([]);
  });

  // shows 6455-4.1-13
  test("names the server (SNI)", async () => {
    const names: unknown[] = [];
    const server = createTlsServer({ ...certificate }, (socket) => {
      names.push(socket.servername);
      socket.destroy();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const createConnection = (): Socket => connect(port, "127.0.0.1");
    await new Dialed("wss://localhost", { tls: { ca: certificate.cert }, createConnection }).closed;
    expect(names).toEqual(["localhost"]);
  });
});

describe("an answer that is not valid ends the client, and its connection is closed", () => {
  const refuse = async (change: (lines: string[]) => readonly string[], options: ClientOptions<"text"> = {}) => {
    const [{ closed, errors, messages }, peer] = await dial("/", options);
    const head = await peer.head();
    peer.answer(...change(validAnswer(head)));
    // A text that would be delivered.
    peer.socket.write(Buffer.from("\x81\x02hi", "latin1"));
    expect(await closed).toMatchObject({ code: 1006 });
    await peer.ended;
    expect(messages).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(ConnectError);
    return errors[0] as ConnectError;
  };

  const without = (name: string) => (lines: string[]) => lines.filter((line) => !line.startsWith(`${name}:`));
  const with_ = (name: string, value: string) => (lines: string[]) => [...without(name)(lines), `${name}: ${value}`];

  // shows 6455-4.1-33, 6455-4.1-34
  test.each([
    ["no Upgrade", without("Upgrade")],
    ["another Upgrade", with_("Upgrade", "h2c")],
    ["two of them", (lines: string[]) => [...lines, "Upgrade: websocket"]],
  ])("%s", async (_, change) => {
    expect((await refuse(change)).code).toBe("HWS_BAD_HANDSHAKE");
  });

  // shows 6455-4.1-33, 6455-4.1-35
  test.each([
    ["no Connection", without("Connection")],
    ["another Connection", with_("Connection", "close")],
  ])("%s", async (_, change) => {
    expect((await refuse(change)).code).toBe("HWS_BAD_HANDSHAKE");
  });

  // shows 6455-4.1-33, 6455-4.1-36
  test.each([
    ["no Sec-WebSocket-Accept", without("Sec-WebSocket-Accept")],
    ["an accept of another key", with_("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
    ["an empty accept", with_("Sec-WebSocket-Accept", "")],
  ])("%s", async (_, change) => {
    expect((await refuse(change)).code).toBe("HWS_BAD_HANDSHAKE");
  });

  // shows 6455-4.1-33, 6455-4.1-37
  test.each([
    ["an extension, and none was offered", {}, "permessage-deflate"],
    ["another extension than the offered one", { compression: true }, "permessage-foo"],
    ["an extension that breaks the grammar", {}, "=x"],
  ] as const)("%s", async (_, options, value) => {
    const change = with_("Sec-WebSocket-Extensions", value);
    expect((await refuse(change, options)).code).toBe("HWS_BAD_HANDSHAKE");
  });

  // shows 6455-4.1-33, 6455-4.1-38
  test.each([
    ["a subprotocol, and none was offered", {}, "mqtt"],
    ["another subprotocol than the offered one", { protocols: "mqtt" }, "MQTT"],
    ["two subprotocols", { protocols: ["a", "b"] }, "a, b"],
  ] as const)("%s", async (_, options, value) => {
    const change = with_("Sec-WebSocket-Protocol", value);
    expect((await refuse(change, options)).code).toBe("HWS_BAD_HANDSHAKE");
  });

  // shows 6455-4.1-33, 6455-4.1-39
  test.each([
    ["another status", 0, "HTTP/1.1 200 OK", "HWS_REFUSED"],
    ["HTTP/1.0", 0, "HTTP/1.0 101 Switching Protocols", "HWS_BAD_HANDSHAKE"],
    ["what is not HTTP", 0, "SSH-2.0-OpenSSH_9.6", "HWS_BAD_HANDSHAKE"],
  ] as const)("%s", async (_, at, line, code) => {
    expect((await refuse((lines) => lines.with(at, line))).code).toBe(code);
  });
});

describe("masking", () => {
  // shows 6455-5.1-1, 6455-6.1-6, 6455-5.5.1-3
  test("every frame of a client has a mask: messages, pings, pongs and the close frame", async () => {
    const [{ ws }, peer] = await connected();
    const large = Buffer.alloc(70_000, 7);
    ws.send("text");
    ws.send(Buffer.of(1, 2, 3));
    ws.send(large);
    ws.send("");
    void ws.ping();
    peer.socket.write(Buffer.from("\x89\x02hi", "latin1"));
    const frames: ClientFrame[] = [];
    for (let i = 0; i < 6; i++) frames.push(await peer.frame());
    ws.terminate(3000, "bye");
    frames.push(await peer.frame());
    expect(frames.filter(({ masked }) => !masked)).toEqual([]);
    const byOpcode = (wanted: number): Buffer[] =>
      frames.filter(({ opcode }) => opcode === wanted).map(({ payload }) => payload);
    expect(byOpcode(1).map(String)).toEqual(["text", ""]);
    expect(byOpcode(2).map((payload) => payload.length)).toEqual([3, 70_000]);
    expect(byOpcode(2)[1]?.equals(large)).toBe(true);
    expect(byOpcode(9)).toHaveLength(1);
    expect(byOpcode(10).map(String)).toEqual(["hi"]);
    expect(byOpcode(8)[0]?.readUInt16BE(0)).toBe(3000);
  });

  // shows 6455-5.3-2, 6455-5.3-4, 6455-10.3-1
  test("each frame has a new key, and no difference between keys comes twice", async () => {
    const [{ ws }, peer] = await connected();
    const count = 2_000;
    for (let i = 0; i < count; i++) ws.send("same");
    const keys: number[] = [];
    for (let i = 0; i < count; i++) keys.push((await peer.frame()).key.readUInt32BE(0));
    // Of 2,000 random numbers of 32 bits, two are equal once in 2,000 times, and hardly ever four.
    expect(new Set(keys).size).toBeGreaterThan(count - 4);
    expect(new Set(keys.map((key, i) => (key - (keys[i - 1] ?? 0)) >>> 0)).size).toBeGreaterThan(count - 4);
    for (let bit = 0; bit < 32; bit++) {
      const ones = keys.filter((key) => ((key >>> bit) & 1) === 1).length;
      // Eight standard deviations around the middle.
      expect(Math.abs(ones - count / 2)).toBeLessThan(8 * Math.sqrt(count / 4));
    }
  });
});

describe("failing", () => {
  // shows 6455-7.1.7-1, 6455-7.2-1
  test.each([
    ["a masked frame", "\x81\x82abcd\x00\x00", 1002],
    ["a reserved opcode", "\x83\x00", 1002],
    ["a text that is not UTF-8", "\x81\x01\xff", 1007],
  ])("a client that gets %s sends a close frame, and closes the connection", async (_, bytes, code) => {
    const [{ closed, errors }, peer] = await connected();
    peer.socket.write(Buffer.from(bytes, "latin1"));
    const frame = await peer.frame();
    expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, code]);
    await peer.ended;
    peer.socket.end();
    expect(await closed).toMatchObject({ code: 1006, initiator: "local" });
    expect(errors).toHaveLength(1);
  });

  // shows 6455-7.2-2
  test("a client whose connection is lost ends with 1006", async () => {
    for (const lose of ["destroy", "resetAndDestroy"] as const) {
      const [{ closed, ws }, peer] = await connected();
      peer.socket[lose]();
      expect(await closed).toMatchObject({ code: 1006, initiator: "network" });
      expect(ws.send("too late")).toBe(false);
    }
  });
});

describe("4D's class WebSocket", () => {
  // shows 4D-client-new, 4D-client-status, 4D-client-members
  test("connects to its URL, and has 4D's members", async () => {
    const server = await RawServer.open();
    const url = `ws://127.0.0.1:${String(server.port)}/`;
    const handler = { dataType: "blob" as const };
    const [ws, other] = [new WebSocket(url, handler), new WebSocket(url)];
    onTestFinished(() => [ws, other].forEach((one) => one.destroy()));
    expect([ws.status, ws.url, ws.handler === handler, ws.dataType]).toEqual(["Connecting", url, true, "blob"]);
    expect(Number.isInteger(ws.id) && ws.id !== other.id).toBe(true);
    expect(other.dataType).toBe("text");
    const peer = await server.next();
    await peer.accept();
    await until(() => ws.status === "Connected");
    ws.terminate();
    expect(ws.status).toBe("Closing");
    await peer.frame();
    peer.socket.write(Buffer.concat([Buffer.of(0x88, 2), closeBody(1000)]));
    peer.socket.end();
    await ws.closed;
    expect(ws.status).toBe("Closed");
  });

  // shows 4D-client-events, 4D-client-type, 4D-client-send
  test("calls onOpen, onMessage and onTerminate with 4D's events, and sends texts, bytes and objects", async () => {
    const calls: unknown[] = [];
    const handler = {
      dataType: "object" as const,
      onOpen: (ws: WebSocket, { type }: { readonly type: string }) => {
        calls.push(type);
        ws.send("text");
        ws.send(Buffer.from("blob"));
        ws.send({ an: "object" });
      },
      onMessage: (_ws: unknown, { type, data }: { readonly type: string; readonly data: unknown }) =>
        void calls.push([type, data]),
      onTerminate: (_ws: unknown, { type, code, reason }: WSTerminateEvent) => void calls.push([type, code, reason]),
    };
    const server = await RawServer.open();
    const ws = new WebSocket(`ws://127.0.0.1:${String(server.port)}/`, handler);
    onTestFinished(() => ws.destroy());
    const peer = await server.next();
    await peer.accept();
    const frames = [await peer.frame(), await peer.frame(), await peer.frame()];
    expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [1, "text"],
      [2, "blob"],
      [1, '{"an":"object"}'],
    ]);
    peer.socket.write(Buffer.from('\x81\x07{"a":1}', "latin1"));
    peer.socket.write(Buffer.concat([Buffer.of(0x88, 5), closeBody(3001, "bye")]));
    await peer.frame();
    peer.socket.end();
    await ws.closed;
    expect(calls).toEqual(["open", ["message", { a: 1 }], ["terminate", 3001, "bye"]]);
  });

  // shows 4D-client-headers
  test("takes headers from its handler: a value may be a list, and cookies are a header", async () => {
    const server = await RawServer.open();
    const headers = { Cookie: "a=1; b=2", "X-One": "one", "X-List": ["first", "second"] };
    const ws = new WebSocket(`ws://127.0.0.1:${String(server.port)}/`, { headers });
    onTestFinished(() => ws.destroy());
    const lines = (await (await server.next()).head()).split("\r\n");
    expect(lines.filter((line) => /^(X-|Cookie)/.test(line))).toEqual([
      "Cookie: a=1; b=2",
      "X-One: one",
      "X-List: first",
      "X-List: second",
    ]);
  });

  // shows 4D-client-terminate
  test.each([
    [undefined, undefined, closeBody(1000)],
    [1000, undefined, closeBody(1000)],
    [3000, undefined, closeBody(3000)],
    [4999, "why", closeBody(4999, "why")],
  ])("terminate(%j, %j) sends its code and reason, and 1000 without one", async (code, reason, body) => {
    const [{ ws }, peer] = await connected();
    ws.terminate(code, reason);
    expect(await peer.frame()).toMatchObject({ opcode: 8, payload: body });
  });

  // shows 4D-client-terminate
  test.each([999, 1001, 1006, 2999, 5000, 3000.5])("terminate(%d) is refused, and closes nothing", async (code) => {
    const [{ ws }] = await connected();
    expect(() => ws.terminate(code)).toThrow(RangeError);
    expect(ws.status).toBe("Connected");
  });

  // shows 4D-client-failed
  test("that cannot connect calls onError, then onTerminate (1006), and connect rejects", async () => {
    const server = await RawServer.open();
    const url = `ws://127.0.0.1:${String(server.port)}/`;
    const onError = vi.fn();
    const onTerminate = vi.fn();
    const refused = expect(WebSocket.connect(url, { onError, onTerminate })).rejects.toMatchObject({
      code: "HWS_REFUSED",
      status: 403,
    });
    const peer = await server.next();
    await peer.head();
    peer.answer("HTTP/1.1 403 Forbidden", "Content-Length: 0");
    await refused;
    expect(onError.mock.calls.map(([, event]) => (event as { type: string }).type)).toEqual(["error"]);
    expect(onTerminate.mock.calls.map(([, event]) => event as unknown)).toEqual([
      expect.objectContaining({ code: 1006 }),
    ]);
    expect(onError.mock.invocationCallOrder[0]).toBeLessThan(onTerminate.mock.invocationCallOrder[0] ?? 0);
  });
});
