import { type Server, createServer } from "node:http";
import { type Socket, connect } from "node:net";
import {
  type WSConnectionEvent,
  type WSServerErrorEvent,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
  type WSHandler,
  refuse,
} from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Deferred, Peer, deferred, portOf, turn, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

/** A server whose `onConnection` waits until the test answers. */
class Waiting {
  readonly wss: WebSocketServer;
  /** The event of the last `onConnection`. */
  event: WSConnectionEvent | undefined;
  /** What it returns. */
  answer: Deferred<unknown> = deferred<unknown>();
  readonly errors: unknown[] = [];
  /** The calls of the server, and of the handlers that `late` has made. */
  readonly calls: string[] = [];
  /** Who ended them, and why. */
  readonly ends: unknown[] = [];
  /** The connections that these handlers got. */
  readonly connections: WebSocketConnection[] = [];

  constructor(options: WebSocketServerOptions<"text"> = {}) {
    const handler = {
      onConnection: (_wss: unknown, event: WSConnectionEvent) => {
        this.event = event;
        return this.answer.promise;
      },
      onError: (_wss: unknown, event: WSServerErrorEvent) => void this.errors.push(event.errors[0].cause),
      onTerminate: () => void this.calls.push("server"),
    };
    this.wss = new WebSocketServer(handler as unknown as WSHandler<"text">, {
      ...(options.server === undefined ? { port: 0, host: "127.0.0.1" } : {}),
      ...options,
    });
    onTestFinished(() => this.wss.terminate(0));
  }

  /** A client that waits for its answer. */
  async client(): Promise<RawClient> {
    this.event = undefined;
    const client = await RawClient.connect(await portOf(this.wss));
    client.write(handshake());
    await until(() => this.event !== undefined);
    return client;
  }

  /** A client that has gone while it waited. */
  async goneClient(): Promise<void> {
    const client = await this.client();
    client.socket.destroy();
    const { signal } = this.event!;
    await until(() => signal.aborted);
  }

  /** A handler. `onTerminate` returns `last`. */
  late(last?: unknown): object {
    return {
      onOpen: () => void this.calls.push("open"),
      onMessage: () => void this.calls.push("message"),
      onTerminate: (ws: WebSocketConnection, event: WSTerminateEvent) => {
        this.connections.push(ws);
        this.ends.push([event.initiator, event.cause?.code]);
        this.calls.push(`terminate ${String(event.code)} ${String(event.reason)} ${ws.status}`);
        return last;
      },
    };
  }
}

/** A web server of the application's. */
function webServer(): Server {
  const sockets = new Set<Socket>();
  const web = createServer().listen(0, "127.0.0.1");
  web.on("connection", (socket) => sockets.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    web.close();
  });
  return web;
}

const TERMINATED = "terminate 1006 undefined Closed";

/** The ways in which a client's answer comes before the handler. */
const ways: readonly [
  string,
  (server: Waiting) => Promise<unknown>,
  initiator: string,
  cause: string,
  WebSocketServerOptions<"text">?,
][] = [
  ["after its client has gone", (server) => server.goneClient(), "network", "HWS_STREAM_ENDED"],
  [
    "after its client was reset",
    async (server) => {
      const client = await server.client();
      client.socket.resetAndDestroy();
      const { signal } = server.event!;
      await until(() => signal.aborted);
    },
    "network",
    "HWS_STREAM_ENDED",
  ],
  [
    "after handshakeTimeout",
    async (server) => {
      expect((await (await server.client()).response()).status).toBe(503);
    },
    "local",
    "HWS_HANDSHAKE_TIMEOUT",
  ],
  [
    "after a limit has refused its client for another one",
    async (server) => {
      const client = await server.client();
      const first = server.answer;
      server.answer = deferred();
      await server.client();
      // An address with fewer handshakes than its share takes the place of the oldest.
      const other = connect({ port: await portOf(server.wss), host: "127.0.0.1", localAddress: "127.0.0.2" });
      onTestFinished(() => void other.destroy());
      other.write(handshake());
      expect((await client.response()).status).toBe(503);
      server.answer = first;
    },
    "local",
    "HWS_LIMIT_REACHED",
    { maxHandshakes: 2 },
  ],
  [
    "after its client has gone, and handshakeTimeout is over",
    async (server) => {
      await server.goneClient();
      await until(() => server.wss.counters.limits.handshakeTimeout > 0);
    },
    "network",
    "HWS_STREAM_ENDED",
  ],
];

describe("a handler that onConnection returns", () => {
  test.each(ways)("%s gets onTerminate, once, and no onOpen", async (_when, goes, initiator, cause, options) => {
    const server = new Waiting(options ?? { handshakeTimeout: 100 });
    await goes(server);
    const handler = server.late();
    server.answer.resolve(handler);
    await until(() => server.calls.length > 0);
    await turn();
    expect(server.calls).toEqual([TERMINATED]);
    expect(server.ends).toEqual([[initiator, cause]]);
    const ws = server.connections[0]!;
    expect([ws.handler, ws.wss, ws.bufferedAmount, ws.signal.aborted]).toEqual([handler, server.wss, 0, true]);
    expect([ws.send("a"), await ws.drained(), await ws.ping()]).toEqual([false, false, undefined]);
    expect([server.wss.connections.length, server.errors]).toEqual([0, []]);
    expect(server.wss.counters.connections).toEqual({ opened: 0, closed: 0, leaving: 0 });
  });

  test("whose client goes between the end of the promise and the response gets onTerminate only", async () => {
    const web = webServer();
    let socket: Socket | undefined;
    web.on("connection", (one: Socket) => (socket = one));
    const server = new Waiting({ server: web });
    await server.client();
    // What follows the promise runs in a microtask.
    server.answer.resolve(server.late());
    socket!.destroy();
    await until(() => server.calls.length > 0);
    expect(server.calls).toEqual([TERMINATED]);
  });

  test("after its client has sent data, and then has ended its side, gets onTerminate only", async () => {
    const web = webServer();
    const sockets: (Socket & { readonly _readableState?: { readonly ended: boolean } })[] = [];
    web.on("connection", (socket) => sockets.push(socket));
    const server = new Waiting({ server: web });
    const client = await server.client();
    client.write("too early");
    client.end();
    await until(() => sockets[0]?._readableState?.ended === true);
    server.answer.resolve(server.late());
    await until(() => server.calls.length > 0);
    expect([server.calls, server.ends]).toEqual([[TERMINATED], [["network", "HWS_STREAM_ENDED"]]]);
    await until(() => sockets[0]!.destroyed);
  });

  test("after another upgrade listener has answered gets onTerminate only, and their WebSocket stays open", async () => {
    const web = webServer();
    const server = new Waiting({ server: web });
    web.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
      socket.on("data", () => socket.write("theirs"));
    });
    const client = await server.client();
    expect((await client.response()).status).toBe(101);
    server.answer.resolve(server.late());
    await until(() => server.calls.length > 0);
    expect(server.calls).toEqual([TERMINATED]);
    await server.wss.terminate(0);
    expect(client.socket.readableEnded).toBe(false);
    expect(server.errors).toMatchObject([{ code: "HWS_ANSWERED_BY_OTHER" }]);
  });

  test("after it has terminated the server itself gets onTerminate only", async () => {
    const calls: string[] = [];
    const wss = new WebSocketServer(
      {
        onConnection: () => {
          void wss.terminate();
          return {
            onOpen: () => calls.push("open"),
            onMessage: () => {},
            onTerminate: () => calls.push("terminate"),
          };
        },
        onTerminate: () => calls.push("server"),
      },
      { port: 0, host: "127.0.0.1" },
    );
    onTestFinished(() => wss.terminate(0));
    expect((await Peer.refused(await portOf(wss))).status).toBe(503);
    await until(() => wss.terminated);
    expect(calls).toEqual(["terminate", "server"]);
  });

  test.each([
    ["waits for the rest of it", undefined, ["terminate", "server"]],
    ["waits for nothing at 0 seconds", 0, ["server", "terminate"]],
  ])("after it has terminated the server and waited: the end of the server %s", async (_what, seconds, expected) => {
    const calls: string[] = [];
    const answer = deferred();
    const wss = new WebSocketServer(
      {
        onConnection: async () => {
          void wss.terminate(seconds);
          await answer.promise;
          return { onMessage: () => {}, onTerminate: () => calls.push("terminate") };
        },
        onTerminate: () => calls.push("server"),
      },
      { port: 0, host: "127.0.0.1" },
    );
    onTestFinished(() => wss.terminate(0));
    const client = await RawClient.connect(await portOf(wss));
    client.write(handshake());
    await client.rest();
    for (let i = 0; i < 5; i++) await turn();
    expect(wss.terminated).toBe(seconds === 0);
    answer.resolve();
    await until(() => calls.length === 2);
    expect(calls).toEqual(expected);
  });

  test("too late, whose onTerminate fails, is an error of the server with its connection", async () => {
    const server = new Waiting();
    await server.goneClient();
    const failure = new Error("mine");
    server.answer.resolve(server.late(Promise.reject(failure)));
    await until(() => server.errors.length > 0);
    expect(server.errors).toEqual([failure]);
  });

  test("too late keeps a place until its onTerminate has settled, and counts as leaving", async () => {
    const server = new Waiting({ maxConnections: 1 });
    await server.goneClient();
    const last = deferred();
    server.answer.resolve(server.late(last.promise));
    await until(() => server.calls.length > 0);
    expect(server.wss.counters.connections).toEqual({ opened: 0, closed: 0, leaving: 1 });
    expect((await Peer.refused(await portOf(server.wss))).status).toBe(503);
    last.resolve();
    await until(() => server.wss.counters.connections.leaving === 0);
    server.answer = deferred<unknown>();
    server.answer.resolve(server.late());
    const peer = await Peer.open(await portOf(server.wss));
    expect(server.wss.connections[0]?.id).not.toBe(server.connections[0]?.id);
    expect(server.wss.counters.connections).toEqual({ opened: 1, closed: 0, leaving: 0 });
    peer.socket.terminate();
  });

  test.each([
    ["null", null],
    ["undefined", undefined],
    ["a refusal", refuse(401)],
  ])("too late: %s calls nothing, and nobody is warned", async (_what, answer) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    const server = new Waiting({ handshakeTimeout: 50 });
    expect((await (await server.client()).response()).status).toBe(503);
    server.answer.resolve(answer);
    await turn();
    expect([server.calls, server.errors, warn.mock.calls]).toEqual([[], [], []]);
  });

  test("too late, but is none, is an error of the server all the same", async () => {
    const server = new Waiting({ handshakeTimeout: 50 });
    expect((await (await server.client()).response()).status).toBe(503);
    server.answer.resolve("nonsense");
    await until(() => server.errors.length > 0);
    expect(server.errors).toMatchObject([{ code: "HWS_INVALID_HANDLER" }]);
  });
});

describe("the end of the server", () => {
  test("waits for onConnection, and for the onTerminate of its handler", async () => {
    const server = new Waiting();
    const client = await server.client();
    const ended = server.wss.terminate();
    expect((await client.response()).status).toBe(503);
    const last = deferred();
    server.answer.resolve(server.late(last.promise));
    await until(() => server.calls.length > 0);
    for (let i = 0; i < 5; i++) await turn();
    expect([server.calls, server.wss.terminated]).toEqual([[TERMINATED], false]);
    last.resolve();
    await ended;
    expect(server.calls).toEqual([TERMINATED, "server"]);
  });

  test.each([
    ["the time of terminate", { handshakeTimeout: 60_000 }, 0.1],
    ["handshakeTimeout", { handshakeTimeout: 100 }, 60],
  ])(
    "waits for onConnection no longer than %s, and a later handler is called all the same",
    async (_limit, options, seconds) => {
      const server = new Waiting(options);
      await server.client();
      await server.wss.terminate(seconds);
      expect(server.calls).toEqual(["server"]);
      server.answer.resolve(server.late());
      await until(() => server.calls.length > 1);
      expect(server.calls).toEqual(["server", TERMINATED]);
    },
  );

  test("waits for no onConnection whose time was over before", async () => {
    const server = new Waiting({ handshakeTimeout: 50 });
    expect((await (await server.client()).response()).status).toBe(503);
    await server.wss.terminate(60);
    expect(server.calls).toEqual(["server"]);
  });
});

describe("event.signal", () => {
  test.each([
    ["has gone", (server: Waiting) => server.goneClient()],
    [
      "gets 503 at handshakeTimeout",
      async (server: Waiting) => {
        const client = await server.client();
        // Asked for before.
        expect(server.event!.signal.aborted).toBe(false);
        expect((await client.response()).status).toBe(503);
      },
    ],
    [
      "gets 503 because the server ends",
      async (server: Waiting) => {
        const client = await server.client();
        expect(server.event!.signal.aborted).toBe(false);
        void server.wss.terminate(60);
        expect((await client.response()).status).toBe(503);
      },
    ],
  ])("aborts when the client %s, and a rejection by it is no failure", async (_what, goes) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    for (const reason of [undefined, new DOMException("This operation was aborted", "AbortError")]) {
      const server = new Waiting({ handshakeTimeout: 200 });
      await goes(server);
      const { signal } = server.event!;
      expect(signal.aborted).toBe(true);
      server.answer.reject(reason ?? signal.reason);
      await server.wss.terminate(60);
      expect([server.errors, server.calls, warn.mock.calls]).toEqual([[], ["server"], []]);
    }
  });

  test("whose client has gone frees the handshake, and nobody counts as refused", async () => {
    const server = new Waiting();
    await server.goneClient();
    server.answer.reject(server.event!.signal.reason);
    await turn();
    expect(Object.values(server.wss.counters.refused).every((count) => count === 0)).toBe(true);
    const ended = server.wss.terminate();
    await ended;
  });

  test("another error is one, also after it has aborted; and an AbortError before that", async () => {
    const gone = new Waiting();
    await gone.goneClient();
    gone.answer.reject(new Error("mine"));
    await until(() => gone.errors.length > 0);
    const here = new Waiting();
    const client = await here.client();
    expect(here.event!.signal.aborted).toBe(false);
    here.answer.reject(new DOMException("This operation was aborted", "AbortError"));
    expect((await client.response()).status).toBe(500);
    expect([gone.errors, here.errors]).toMatchObject([[{ message: "mine" }], [{ name: "AbortError" }]]);
  });

  test("does not abort when the handshake has been answered, nor when the connection closes then", async () => {
    const server = new Waiting();
    const port = await portOf(server.wss);
    server.answer.resolve(server.late());
    const peer = await Peer.open(port);
    const { signal } = server.event!;
    peer.socket.terminate();
    await until(() => server.calls.length > 1);
    expect(signal.aborted).toBe(false);
  });
});
