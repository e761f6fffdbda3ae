import { WebSocketServer, type WebSocketServerOptions } from "hawser";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Live, Recorder, startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, until } from "../support/peer.ts";
import { closeBody, handshake, masked, RawClient, SAMPLE_KEY } from "../support/raw-client.ts";
import { Wire } from "../support/wire.ts";

/** One connection is closed at a time. */
const SLOWLY = { closeBatchSize: 1 };
/** Seconds that allow this slow close. */
const LONG = 1_000;

/** Terminates a server that closes the second connection half a minute after the first. */
function terminateSlowly(wss: WebSocketServer): Promise<void> {
  // This call sets the pause before the second batch: 100 ms * (0.5 + 300).
  const chance = vi.spyOn(Math, "random").mockReturnValue(300);
  try {
    return wss.terminate(LONG);
  } finally {
    chance.mockRestore();
  }
}

function echo(options: WebSocketServerOptions): Promise<Live> {
  return startServer({ message: (ws, data) => void ws.send(data) }, options);
}

async function open(port: number, count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let i = 0; i < count; i++) peers.push(await Peer.open(port));
  return peers;
}

/** A web server of the user's, with a WebSocket server on it. */
async function attached(
  options: WebSocketServerOptions = {},
): Promise<{ server: Server; port: number; wss: WebSocketServer }> {
  const server = createServer((_request, response) => response.end("a page")).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const started = deferred();
  const handler = { onOpen: () => started.resolve(), onConnection: () => new Recorder({}) };
  const wss = new WebSocketServer(handler, { server, dataType: "auto", ...options });
  onTestFinished(() => wss.terminate(0));
  await started.promise;
  return { server, port: await portOf(server), wss: wss as unknown as WebSocketServer };
}

/** The status of a request that is not a handshake. */
function page(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    }).on("error", reject);
  });
}

describe("every client is closed", () => {
  test.each([
    ["in one batch", { closeBatchSize: 100 }],
    ["in several", { closeBatchSize: 3 }],
    ["one by one", { closeBatchSize: 1 }],
  ])("%s: each gets 1001, and the promise settles after the last onTerminate", async (_how, options) => {
    const { wss, port, recorders } = await startServer({}, options);
    const peers = await open(port, 10);
    let over = false;
    const ended = wss.terminate(5).then(() => (over = true));
    const closed = await Promise.all(peers.map((peer) => peer.closed));
    expect(closed).toEqual(peers.map((_peer, i) => [1001, `retry-after=${String(i + 1)}`]));
    await Promise.all(recorders.slice(0, -1).map((recorder) => recorder.over));
    await recorders.at(-1)!.over.then(() => expect(over).toBe(false));
    await ended;
    expect(wss.terminated).toBe(true);
    expect(recorders.map(({ end }) => end)).toEqual(closed);
    expect(wss.counters.connections).toEqual({ opened: 10, closed: 10, leaving: 0 });
    expect(wss.counters.limits.closeTimeout).toBe(0);
  });

  test("earlier messages come first, also when the connection waits for its batch", async () => {
    const { wss, port } = await startServer({}, { closeBatchSize: 1 });
    const peers = await open(port, 4);
    const long = "x".repeat(1_000_000);
    for (const message of ["one", long, new Blob(["three"])]) wss.broadcast(message);
    const ended = wss.terminate(5);
    for (const [i, peer] of peers.entries()) {
      expect(await peer.closed).toEqual([1001, `retry-after=${String(i + 1)}`]);
      expect(peer.messages).toEqual(["one", long, Buffer.from("three")]);
    }
    await ended;
    const { accepted, written } = wss.counters.messages;
    expect([accepted, written]).toEqual([12, 12]);
  });
});

describe("clients of later batches", () => {
  test("go on, and get answers, after the first are closed", async () => {
    const { wss, port, recorders } = await echo(SLOWLY);
    const [first, second, third] = (await open(port, 3)) as [Peer, Peer, Peer];
    const ended = terminateSlowly(wss);
    expect(await first.closed).toEqual([1001, "retry-after=1"]);
    await recorders[0]!.over;
    for (const peer of [second, third]) {
      peer.socket.send("still here?");
      expect(await peer.received(1)).toEqual(["still here?"]);
    }
    expect(wss.broadcast("for those who are left")).toBe(2);
    expect(await third.received(2)).toEqual(["still here?", "for those who are left"]);
    expect(wss.terminated).toBe(false);
    // One may close by itself, and for the other no time is left.
    second.socket.close(4000);
    await recorders[1]!.over;
    void wss.terminate(0);
    await ended;
    expect(await third.closed).toEqual([1006, ""]);
    expect(recorders.map(({ end }) => end?.[0])).toEqual([1001, 4000, 1006]);
  });

  test("are not waited for when they close before their turn", async () => {
    const { wss, port } = await echo(SLOWLY);
    const peers = await open(port, 4);
    const ended = terminateSlowly(wss);
    await peers[0]!.closed;
    for (const peer of peers.slice(1)) peer.socket.terminate();
    await ended;
    expect(wss.terminated).toBe(true);
  });

  test("are destroyed with all others when the time is over", async () => {
    const { wss, port, recorders } = await echo({});
    const silent = await RawClient.open(port);
    const ended = wss.terminate(0.05);
    expect(await silent.frame()).toMatchObject({ opcode: 8, payload: closeBody(1001, "retry-after=1") });
    await ended;
    expect(recorders[0]!.end).toEqual([1006, undefined]);
    expect(await silent.frame()).toBeUndefined();
  });
});

describe("new clients", () => {
  test("during the shutdown new clients get 503 with Retry-After; the user's web server goes on", async () => {
    const { server, port, wss } = await attached(SLOWLY);
    const peers = await open(port, 2);
    const ended = terminateSlowly(wss);
    await peers[0]!.closed;
    const seconds = new Set<number>();
    // One of ten at random: sixty equal ones would not be random.
    for (let i = 0; i < 60; i++) {
      const { status, headers, body } = await Peer.refused(port);
      expect([status, body]).toEqual([503, "The server is going down.\n"]);
      expect(headers["retry-after"]).toMatch(/^([1-9]|10)$/);
      seconds.add(Number(headers["retry-after"]));
    }
    expect(seconds.size).toBeGreaterThan(1);
    expect(await page(port)).toBe(200);
    peers[1]!.socket.close();
    await ended;
    expect(wss.terminated).toBe(true);
    expect(server.listening).toBe(true);
    expect(await page(port)).toBe(200);
  });

  test("a client that waits for onConnection is refused at once", async () => {
    const asked = deferred();
    const never = deferred<null>();
    const handler = {
      onConnection: () => {
        asked.resolve();
        return never.promise;
      },
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", handshakeTimeout: 500 });
    const client = Peer.refused(await portOf(wss));
    await asked.promise;
    const ended = wss.terminate(LONG);
    const { status, headers } = await client;
    expect([status, Number(headers["retry-after"]) > 0]).toEqual([503, true]);
    await ended;
    expect(wss.terminated).toBe(true);
  });

  test("another server on the user's web server accepts them", async () => {
    const { server, port, wss } = await attached({ path: "/old" });
    await wss.terminate();
    const next = new WebSocketServer(
      { onConnection: () => new Recorder({}) },
      { server, path: "/old", dataType: "auto" },
    );
    onTestFinished(() => next.terminate(0));
    await Peer.open(port, "/old");
    expect(next.connections.length).toBe(1);
  });

  test("on our own web server new and pending clients get 503 with Retry-After; in the end nothing listens", async () => {
    const { wss, port } = await echo(SLOWLY);
    const peers = await open(port, 2);
    const asking = await RawClient.connect(port);
    asking.write(handshake().slice(0, 50));
    await until(() => asking.socket.bytesWritten === 50);
    const ended = terminateSlowly(wss);
    await peers[0]!.closed;
    asking.write(handshake().slice(50));
    const { status, headers } = await asking.response();
    expect([status, headers.has("retry-after")]).toEqual([503, true]);
    const late = await RawClient.connect(port);
    late.write(handshake());
    expect((await late.response()).status).toBe(503);
    peers[1]!.socket.close();
    await ended;
    await expect(RawClient.connect(port)).rejects.toThrow("ECONNREFUSED");
    expect(wss.terminated).toBe(true);
  });
});

test("a peer that closes at the same time is answered, and one close frame goes each way", async () => {
  const { wss, port, recorders } = await echo(SLOWLY);
  const client = await RawClient.open(port);
  const ended = terminateSlowly(wss);
  client.write(masked(0x88, closeBody(4000, "mine")));
  expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1001, "retry-after=1") });
  client.socket.end();
  expect(await client.frames()).toEqual([]);
  await ended;
  expect(recorders[0]!.end).toEqual([4000, "mine"]);
});

describe("a stream of the application's that emits no close", () => {
  test.each([
    ["terminate(0)", 0, { emitClose: false }, {}],
    ["terminate(1)", 1, { emitClose: false }, {}],
    ["terminate(0)", 0, {}, { _destroy: () => undefined }],
    ["terminate(1)", 1, {}, { _destroy: () => undefined }],
  ])("lets %s settle (%#)", async (_what, seconds, options, methods) => {
    const calls: string[] = [];
    const wss = new WebSocketServer({
      onConnection: () => ({ onMessage: () => {}, onTerminate: () => void calls.push("connection") }),
      onTerminate: () => void calls.push("server"),
    });
    const web = createServer().listen(0, "127.0.0.1");
    web.on("upgrade", (request, socket, head) => {
      onTestFinished(() => void socket.destroy());
      wss.handleUpgrade(request, Object.assign(new Wire(options), methods), head);
    });
    onTestFinished(() => void web.close());
    const client = await RawClient.connect(await portOf(web));
    client.write(handshake());
    await until(() => wss.connections.length === 1);
    await wss.terminate(seconds);
    expect(calls).toEqual(["connection", "server"]);
    expect(wss.counters.connections).toEqual({ opened: 1, closed: 1, leaving: 0 });
  });
});

describe("a stream of the application that throws", () => {
  /** Opens a connection over a stream in memory. */
  function hand(wss: WebSocketServer): Wire {
    const wire = new Wire();
    const headers = { Host: "a", Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" };
    const rawHeaders = [...Object.entries(headers).flat(), "Sec-WebSocket-Key", SAMPLE_KEY];
    const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders, headers: {}, socket: wire };
    wss.handleUpgrade(request as unknown as IncomingMessage, wire, Buffer.alloc(0));
    return wire;
  }

  const fail = (): never => {
    throw new Error("mine");
  };
  const parts: readonly (readonly [what: string, breaks: (wire: Wire) => unknown])[] = [
    ["from write", (wire) => Object.assign(wire, { write: fail })],
    ["from end", (wire) => Object.assign(wire, { end: fail })],
    ["when it is asked whether it is closed", (wire) => Object.defineProperty(wire, "closed", { get: fail })],
    ["when it is asked what waits", (wire) => Object.defineProperty(wire, "writableLength", { get: fail })],
  ];

  test.each(parts.flatMap(([what, breaks]) => [1, 0].map((seconds) => [what, seconds, breaks] as const)))(
    "%s does not stop terminate(%d) for the others",
    async (_what, seconds, breaks) => {
      const handler = { onError: () => undefined, onConnection: () => new Recorder({}) };
      const wss = new WebSocketServer(handler);
      const wires = [hand(wss), hand(wss), hand(wss)];
      breaks(wires[0]!);
      const terminated = wss.terminate(seconds);
      await until(() => wires.slice(1).every((wire) => (seconds > 0 ? wire.taken.includes(0x88) : wire.destroyed)));
      for (const wire of wires) wire.destroy();
      await terminated;
      expect(wss.connections.length).toBe(0);
    },
  );
});

describe("terminate with a reason", () => {
  test("sends it to all, and onTerminate gets HWS_SHUTDOWN as the cause", async () => {
    const { wss, port, recorders } = await startServer({}, { closeBatchSize: 1 });
    const peers = await open(port, 3);
    await wss.terminate(5, { reason: "back at n\u00f6\u00f6n" });
    for (const peer of peers) expect(await peer.closed).toEqual([1001, "back at n\u00f6\u00f6n"]);
    for (const { terminated } of recorders)
      expect(terminated).toMatchObject({ code: 1001, initiator: "local", cause: { code: "HWS_SHUTDOWN" } });
  });

  test("and a code sends that too, and a later call changes neither", async () => {
    const { wss, port, recorders } = await startServer({}, { closeBatchSize: 1 });
    const peers = await open(port, 3);
    const terminated = wss.terminate(5, { code: 1012 });
    void wss.terminate(5, { code: 4000, reason: "too late" });
    await terminated;
    for (const peer of peers) expect(await peer.closed).toEqual([1012, expect.stringMatching(/^retry-after=\d+$/)]);
    for (const { terminated } of recorders)
      expect(terminated).toMatchObject({ initiator: "local", cause: { code: "HWS_SHUTDOWN" } });
    const other = await startServer();
    const [peer] = await open(other.port, 1);
    await other.wss.terminate(5, { code: 4100, reason: "new version" });
    expect(await peer!.closed).toEqual([4100, "new version"]);
  });

  test("an empty one is sent as none, and with 0 seconds there is no close frame", async () => {
    const { wss, port } = await startServer();
    const [peer] = await open(port, 1);
    await wss.terminate(5, { reason: "" });
    expect(await peer!.closed).toEqual([1001, ""]);
    const other = await startServer();
    const [cut] = await open(other.port, 1);
    await other.wss.terminate(0, { reason: "not sent" });
    expect(await cut!.closed).toEqual([1006, ""]);
    expect(other.recorders[0]!.terminated).toMatchObject({ initiator: "local", cause: { code: "HWS_SHUTDOWN" } });
  });

  test("that is wrong is an error, and the server goes on; the options are read once", async () => {
    const { wss, port } = await startServer();
    const terminate = wss.terminate.bind(wss) as (...given: readonly unknown[]) => Promise<void>;
    for (const options of [5, null, "reason"]) expect(() => terminate(5, options)).toThrow(/^terminate: options: /);
    for (const reason of [5, null, {}])
      expect(() => terminate(5, { reason })).toThrow(/^terminate: reason: expected a string/);
    expect(() => terminate(5, { reason: "x".repeat(124) })).toThrow(RangeError);
    for (const code of ["1012", null, {}])
      expect(() => terminate(5, { code })).toThrow(/^terminate: code: expected a number/);
    for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN])
      expect(() => terminate(5, { code })).toThrow(/^terminate: code: expected 1000 to 1003, /);
    const [peer] = await open(port, 1);
    let reads = 0;
    await terminate(5, {
      get reason() {
        return reads++ === 0 ? "mine" : "x".repeat(500);
      },
    });
    expect([await peer!.closed, reads]).toEqual([[1001, "mine"], 1]);
  });
});

test("a timeout above 300 seconds, which may be meant as milliseconds, is a warning", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const codes = (): unknown[] => warn.mock.calls.map(([, options]) => (options as { code?: unknown }).code);
  const handler = { onConnection: () => null };
  for (const timeout of [undefined, 0, 300]) await new WebSocketServer(handler).terminate(timeout);
  expect(codes()).toEqual([]);
  const wss = new WebSocketServer(handler);
  await Promise.all([wss.terminate(5_000), wss.terminate(5_000)]);
  expect(codes()).toEqual(["HWS_TERMINATE_SECONDS"]);
  expect(warn.mock.calls[0]?.[0]).toContain("5000 is a number of seconds: were milliseconds meant?");
  warn.mockRestore();
});
