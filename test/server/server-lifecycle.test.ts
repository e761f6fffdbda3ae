import {
  type WSConnectionEvent,
  type ConnectionHandler,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { lookup } from "node:dns/promises";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { closeBody, handshake, masked, RawClient } from "../support/raw-client.ts";

/** Records the calls of both kinds of handler, in one list. */
class Log {
  readonly calls: string[] = [];

  readonly onOpen = (): void => {
    this.calls.push("server open");
  };

  onConnection(): ConnectionHandler<"text"> {
    const { calls } = this;
    calls.push("connection");
    return {
      onOpen: () => calls.push("open"),
      onMessage: (_ws: WebSocketConnection, event: WSMessageEvent) => calls.push(`message ${event.data}`),
      onError: (_ws: WebSocketConnection, event: WSErrorEvent) =>
        calls.push(`error ${String(event.errors[0].errCode)}`),
      onTerminate: (ws: WebSocketConnection, event: WSTerminateEvent) =>
        calls.push(`terminate ${String(event.code)} ${ws.status} ${String(ws.wss.connections.length)}`),
    };
  }

  onTerminate(wss: WebSocketServer): void {
    this.calls.push(`server terminate ${String(wss.terminated)} ${String(wss.connections.length)}`);
  }

  onError(_wss: WebSocketServer, event: WSErrorEvent): void {
    this.calls.push(`server error ${event.errors[0].message}`);
  }
}

function listen(handler: Log, options: WebSocketServerOptions<"text"> = {}): WebSocketServer {
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", ...options });
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

describe("the order of a server's callbacks", () => {
  // shows 4D-1-handler-open, 4D-1-handler-open-order, 4D-1-handler-terminate, 4D-1-handler-terminate-last, 4D-2-terminate-left, 4D-4-order
  test("open, connection, the connection's callbacks, terminate", async () => {
    const log = new Log();
    const wss = listen(log);
    expect(log.calls).toEqual([]);
    const port = await portOf(wss);
    const peer = await Peer.open(port);
    peer.socket.send("one");
    peer.socket.send("two");
    await until(() => log.calls.length === 5);
    await Promise.all([wss.terminate().then(() => log.calls.push("promise")), peer.closed]);
    expect(log.calls).toEqual([
      "server open",
      "connection",
      "open",
      "message one",
      "message two",
      "terminate 1001 Closed 0",
      "server terminate true 0",
      "promise",
    ]);
  });

  // shows 4D-2-open-first
  test("frames that came with the handshake are delivered after onOpen, in one turn or in many", async () => {
    const log = new Log();
    const port = await portOf(listen(log));
    const client = await RawClient.connect(port);
    client.write(handshake(), masked(0x81, "one"), masked(0x81, "two"), masked(0x88, closeBody(4000, "bye")));
    expect((await client.response()).status).toBe(101);
    expect(await client.frame()).toMatchObject({ opcode: 8 });
    client.socket.end();
    await until(() => log.calls.length === 6);
    expect(log.calls.slice(1)).toEqual(["connection", "open", "message one", "message two", "terminate 4000 Closed 0"]);
  });

  // shows 4D-1-handler-this
  test("callbacks are methods of their handler, with the server or the connection and an event", async () => {
    const seen: unknown[][] = [];
    const done = deferred();
    const connectionHandler = {
      onOpen(...given: unknown[]) {
        seen.push(["open", this, ...given]);
      },
      onMessage(...given: unknown[]) {
        seen.push(["message", this, ...given]);
      },
      onTerminate(...given: unknown[]) {
        seen.push(["terminate", this, ...given]);
      },
    };
    const handler = {
      onOpen(...given: unknown[]) {
        seen.push(["server open", this, ...given]);
      },
      onConnection(...given: unknown[]) {
        seen.push(["connection", this, ...given]);
        return connectionHandler;
      },
      onTerminate(...given: unknown[]) {
        seen.push(["server terminate", this, ...given]);
        done.resolve();
      },
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
    const peer = await Peer.open(await portOf(wss));
    const ws = wss.connections[0];
    peer.socket.send("x");
    peer.socket.close(4000, "bye");
    await peer.closed;
    await wss.terminate();
    await done.promise;
    const request = (seen[1]?.[3] as WSConnectionEvent).request;
    expect(request.url).toBe("/");
    expect(seen.map(([name]) => name)).toEqual([
      "server open",
      "connection",
      "open",
      "message",
      "terminate",
      "server terminate",
    ]);
    expect(
      seen.map(
        (call) =>
          call[1] === (String(call[0]).includes("server") || call[0] === "connection" ? handler : connectionHandler),
      ),
    ).not.toContain(false);
    expect(seen.map((call) => call[2])).toEqual([wss, wss, ws, ws, ws, wss]);
    expect(seen.map((call) => (call[3] as { type: string }).type)).toEqual([
      "open",
      "connection",
      "open",
      "message",
      "terminate",
      "terminate",
    ]);
    expect(seen.map((call) => call.length)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(seen[3]?.[3]).toEqual({ type: "message", data: "x" });
    expect(seen[4]?.[3]).toEqual({
      type: "terminate",
      code: 4000,
      reason: "bye",
      initiator: "peer",
      cause: undefined,
    });
  });

  // shows 4D-2-shared
  test("one object may serve several connections, even a frozen one", async () => {
    const ids: number[] = [];
    const shared = Object.freeze({ onMessage: (ws: WebSocketConnection) => void ids.push(ws.id) });
    const wss = new WebSocketServer({ onConnection: () => shared }, { port: 0, host: "127.0.0.1" });
    onTestFinished(async () => wss.terminate(0));
    const port = await portOf(wss);
    for (let i = 0; i < 3; i++) (await Peer.open(port)).socket.send("x");
    await until(() => ids.length === 3);
    expect(new Set(ids)).toEqual(new Set(wss.connections.map(({ id }) => id)));
    expect(wss.connections.every(({ handler }) => handler === shared)).toBe(true);
  });
});

describe("terminate", () => {
  // shows 4D-1-terminate, 4D-1-terminate-1001
  test("every peer gets 1001, and its socket is destroyed when it answers", async () => {
    const { wss, port, recorders } = await startServer();
    const quick = await RawClient.open(port);
    const slow = await RawClient.open(port);
    const ended = wss.terminate();
    for (const [i, client] of [quick, slow].entries())
      expect(await client.frame()).toMatchObject({
        opcode: 8,
        payload: closeBody(1001, `retry-after=${String(i + 1)}`),
      });
    quick.write(masked(0x88, closeBody(1001)));
    quick.socket.end();
    await recorders[0]!.over;
    expect(wss.connections.map(({ status }) => status)).toEqual(["Closing"]);
    expect(wss.terminated).toBe(false);
    slow.write(masked(0x88, closeBody(1000)));
    slow.socket.end();
    await ended;
    expect(recorders.map(({ end }) => end)).toEqual([
      [1001, undefined],
      [1000, undefined],
    ]);
    expect(wss.terminated).toBe(true);
  });

  // shows 4D-1-terminate-bounded
  test("without a timeout the close timeout bounds the wait for a peer that does not answer", async () => {
    const { wss, port, recorders } = await startServer({}, { closeTimeout: 50 });
    const client = await RawClient.open(port);
    await wss.terminate();
    expect(recorders[0]!.end).toEqual([1006, undefined]);
    expect((await client.frames()).map(({ opcode }) => opcode)).toEqual([8]);
  });

  // shows 4D-1-terminate-seconds
  test("connections that are left after n seconds are destroyed, although the close timeout is longer", async () => {
    const { wss, port, recorders } = await startServer({}, { closeTimeout: 2 ** 31 - 1 });
    const client = await RawClient.open(port);
    await wss.terminate(0.05);
    expect(recorders[0]!.end).toEqual([1006, undefined]);
    expect((await client.frames()).map(({ opcode }) => opcode)).toEqual([8]);
  });

  // shows 4D-1-terminate-zero
  test("zero destroys everything at once, without close frames", async () => {
    const { wss, port, recorders } = await startServer();
    const clients = [await RawClient.open(port), await RawClient.open(port)];
    await wss.terminate(0);
    expect(recorders.map(({ end }) => end)).toEqual([
      [1006, undefined],
      [1006, undefined],
    ]);
    for (const client of clients) expect(await client.frames()).toEqual([]);
  });

  // shows 4D-1-terminate-promise
  test("called again it returns the same promise, and onTerminate comes once", async () => {
    const log = new Log();
    const wss = listen(log);
    await portOf(wss);
    const first = wss.terminate();
    expect(wss.terminate(1)).toBe(first);
    expect(wss.terminate(0)).toBe(first);
    await first;
    expect(wss.terminate()).toBe(first);
    await turn();
    expect(log.calls.filter((call) => call.startsWith("server terminate"))).toEqual(["server terminate true 0"]);
  });

  test("zero ends the wait of an earlier call", async () => {
    const { wss, port, recorders } = await startServer({}, { closeTimeout: 2 ** 31 - 1 });
    const client = await RawClient.open(port);
    void wss.terminate();
    expect(await client.frame()).toMatchObject({ opcode: 8 });
    await wss.terminate(0);
    expect(recorders[0]!.end).toEqual([1006, undefined]);
  });

  test("a longer timeout does not lengthen an earlier one", async () => {
    const { wss, port } = await startServer({}, { closeTimeout: 2 ** 31 - 1 });
    await RawClient.open(port);
    void wss.terminate(0.05);
    await wss.terminate(2_000_000);
    expect(wss.terminated).toBe(true);
  });

  test("a message that comes in after it is not delivered", async () => {
    const { wss, port, recorders } = await startServer();
    const client = await RawClient.open(port);
    const ended = wss.terminate();
    client.write(masked(0x81, "late"), masked(0x88, closeBody(1001)));
    client.socket.end();
    await ended;
    expect(recorders[0]!.messages).toEqual([]);
  });

  test("an async handler that never settles is not awaited longer than the timeout", async () => {
    const ends: unknown[] = [];
    const started = deferred();
    const handler = {
      onConnection: () => ({
        onMessage: async () => {
          started.resolve();
          await new Promise(() => {});
        },
        onTerminate: async (_ws: unknown, { code }: WSTerminateEvent) => {
          ends.push(code);
          await new Promise(() => {});
        },
      }),
      onTerminate: () => ends.push("server"),
    };
    for (const seconds of [0, 0.05, undefined]) {
      const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", closeTimeout: 50 });
      const peer = await Peer.open(await portOf(wss));
      peer.socket.send("x");
      await started.promise;
      await wss.terminate(seconds);
    }
    expect(ends.filter((end) => end === "server").length).toBe(3);
    expect(ends.length).toBe(6);
  });

  test("handshakes that wait for onConnection get 503 and Retry-After", async () => {
    const asked = deferred();
    const answer = deferred<{ onMessage(): void }>();
    const wss = new WebSocketServer(
      {
        onConnection: async () => {
          asked.resolve();
          return answer.promise;
        },
      },
      { port: 0, host: "127.0.0.1" },
    );
    const client = await RawClient.connect(await portOf(wss));
    client.write(handshake());
    await asked.promise;
    const ended = wss.terminate(0);
    const { status, headers } = await client.response();
    expect(status).toBe(503);
    expect(headers.get("retry-after")?.[0]).toMatch(/^\d+$/);
    expect((await client.rest()).length).toBe(0);
    client.socket.end();
    await ended;
    // The result comes too late, and no client is accepted.
    answer.resolve({ onMessage: () => {} });
    await turn();
    expect(wss.connections.length).toBe(0);
  });

  test("a client that connects while it waits for others gets 503", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const { wss } = await startServer({}, { port: undefined, host: undefined, server });
    const client = await RawClient.open(await portOf(server));
    const ended = wss.terminate();
    expect((await Peer.refused(await portOf(server))).status).toBe(503);
    client.socket.destroy();
    await ended;
  });

  test("called in onConnection it does not accept this client", async () => {
    const calls: string[] = [];
    let ended: Promise<void> | undefined;
    const wss: WebSocketServer = new WebSocketServer(
      {
        onConnection: () => {
          ended = wss.terminate();
          return { onMessage: () => {}, onOpen: () => calls.push("open") };
        },
        onTerminate: (server) => calls.push(`server terminate ${String(server.connections.length)}`),
      },
      { port: 0, host: "127.0.0.1" },
    );
    expect((await Peer.refused(await portOf(wss))).status).toBe(503);
    await ended;
    expect(calls).toEqual(["server terminate 0"]);
  });

  test("called in an async onConnection, its rejection is not lost", async () => {
    const errors: unknown[] = [];
    let ended: Promise<void> | undefined;
    const wss: WebSocketServer = new WebSocketServer(
      {
        onConnection: async () => {
          ended = wss.terminate();
          await turn();
          throw new Error("mine");
        },
        onError: (_wss, event) => errors.push(event.errors[0].message),
      },
      { port: 0, host: "127.0.0.1" },
    );
    const warnings: string[] = [];
    const warned = vi.spyOn(process, "emitWarning").mockImplementation((text) => void warnings.push(String(text)));
    onTestFinished(() => warned.mockRestore());
    expect((await Peer.refused(await portOf(wss))).status).toBe(503);
    // The server waits for it: its `onTerminate` is the last callback.
    await ended;
    expect(errors).toEqual(["mine"]);
    expect(warnings).toEqual([]);
  });

  test("called in the server's onOpen it accepts no client", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const calls: string[] = [];
    server.on("upgrade", (request, socket, head) => {
      const wss = new WebSocketServer({
        onOpen: (opened) => void opened.terminate().then(() => calls.push("terminated")),
        onConnection: () => {
          calls.push("connection");
          return { onMessage: () => {} };
        },
      });
      wss.handleUpgrade(request, socket, head);
    });
    expect((await Peer.refused(await portOf(server))).status).toBe(503);
    await until(() => calls.length > 0);
    expect(calls).toEqual(["terminated"]);
  });

  test("called in a connection's onOpen, onMessage or onTerminate it ends too", async () => {
    for (const name of ["onOpen", "onMessage", "onTerminate"] as const) {
      for (const seconds of [undefined, 0]) {
        const over = deferred();
        const end = (ws: WebSocketConnection): void => void ws.wss.terminate(seconds).then(over.resolve);
        const handler = { onConnection: () => ({ onMessage: () => {}, [name]: end }) };
        const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
        const client = await RawClient.connect(await portOf(wss));
        client.write(handshake(), masked(0x81, "x"), masked(0x88, closeBody(1000)));
        client.socket.end();
        await over.promise;
        expect(wss.terminated).toBe(true);
      }
    }
  });

  test("before anything listens it ends at once, without onOpen", async () => {
    for (const options of [{}, { port: 0 }, { port: 0, host: "127.0.0.1" }, { port: 0, host: "localhost" }]) {
      const log = new Log();
      const wss = new WebSocketServer(log, options);
      await wss.terminate();
      // A look-up of the host's name may still be pending.
      for (let i = 0; i < 3; i++) await lookup("localhost");
      for (let i = 0; i < 10; i++) await turn();
      expect(log.calls).toEqual(["server terminate true 0"]);
      expect(wss.address()).toBeNull();
    }
  });

  test("a plain connection that is kept open does not delay it", async () => {
    const { wss, port } = await startServer();
    const client = await RawClient.connect(port);
    client.write("GET / HT");
    await turn();
    await wss.terminate(0);
    expect((await client.rest()).length).toBe(0);
  });
});

describe("an error on a connection", () => {
  // shows 4D-2-throws-server
  test("goes to its handler's onError, or without one to the server's, each once", async () => {
    const calls: string[] = [];
    const handler = {
      onConnection: (_wss: unknown, { request }: WSConnectionEvent) => ({
        onMessage: () => {
          throw new Error("mine");
        },
        ...(request.url === "/own" ? { onError: () => calls.push("connection") } : {}),
      }),
      onError: (_wss: unknown, { errors }: WSErrorEvent) => calls.push(`server: ${errors[0].message}`),
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
    onTestFinished(async () => wss.terminate(0));
    const port = await portOf(wss);
    for (const path of ["/own", "/"]) {
      const peer = await Peer.open(port, path);
      peer.socket.send("x");
      expect(await peer.closed).toEqual([1011, ""]);
    }
    expect(calls).toEqual(["connection", "server: mine"]);
  });

  // shows 4D-2-no-crash
  test("of one that breaks the protocol does not affect others", async () => {
    const { port, recorders } = await startServer();
    const good = await Peer.open(port);
    const bad = await RawClient.open(port);
    bad.write([0xff, 0xff, 0xff]);
    expect(await bad.frame()).toMatchObject({ opcode: 8, payload: closeBody(1002, "reserved bits set") });
    bad.socket.resetAndDestroy();
    await recorders[1]!.over;
    good.socket.send("still here");
    await until(() => recorders[0]!.messages.length === 1);
    expect(recorders[0]!.messages).toEqual(["still here"]);
  });
});

describe("a function of the user's that decides on origins", () => {
  test("its exception reaches onError, and the client gets 500 without its text", async () => {
    const log = new Log();
    const wss = listen(log, {
      origins: () => {
        throw new Error("secret");
      },
    });
    const { status, body } = await Peer.refused(await portOf(wss), "/", { headers: { Origin: "null" } });
    expect(status).toBe(500);
    expect(body).not.toContain("secret");
    expect(log.calls).toEqual(["server open", "server error secret"]);
  });

  test("it gets the request, and accepts with true", async () => {
    const seen: string[] = [];
    const { port } = await startServer(
      {},
      {
        origins: (origin, request) => {
          seen.push(`${origin} ${request.url}`);
          return origin === "https://example.com";
        },
      },
    );
    await Peer.open(port, "/a", [], { headers: { Origin: "https://example.com" } });
    expect((await Peer.refused(port, "/b", { headers: { Origin: "null" } })).status).toBe(403);
    expect(seen).toEqual(["https://example.com /a", "null /b"]);
  });
});
