import { WebSocketServer, type WSHandler, refuse } from "hawser";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer as OtherServer } from "ws";
import { deferred, portOf, turn, until } from "../support/peer.ts";
import { handshake, masked, RawClient } from "../support/raw-client.ts";

interface Library {
  readonly WebSocketServer: typeof WebSocketServer;
}

vi.resetModules();
/** A second copy of the library: it has its own classes and symbols. */
const second: Library = await import("hawser");

/** A web server of the user's, with what answers its plain requests. */
async function webServer(answer?: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: await portOf(server) };
}

/** A server of one copy. Its connections send its name; `wait` is awaited before that. */
function attach({ WebSocketServer }: Library, name: string, server: Server, path?: string, wait?: Promise<void>) {
  const handler: WSHandler<"text"> = {
    onConnection: async () => {
      await wait;
      return { onOpen: (ws) => ws.send(name), onMessage: () => {} };
    },
  };
  const wss = new WebSocketServer(handler, { server, handshakeTimeout: 60, ...(path === undefined ? {} : { path }) });
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

test("the second copy is another library", () => {
  expect(second.WebSocketServer).not.toBe(WebSocketServer);
});

describe.each([
  ["first", { WebSocketServer }, second],
  ["second", second, { WebSocketServer }],
] as const)("two copies on one web server, the %s asked first", (_which, one, two) => {
  test.each([undefined, "/a"])("who has the path first answers, alone: %s", async (path) => {
    const { server, port } = await webServer();
    const gate = deferred();
    attach(one, "one", server, path, gate.promise);
    const other = attach(two, "two", server, path);
    const client = await RawClient.connect(port);
    client.write(handshake("/a"));
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    expect((await client.response()).status).toBe(101);
    expect((await client.frame())?.payload.toString()).toBe("one");
    client.end();
    // Nothing comes after the first frame: no second answer, no second frame.
    expect((await client.rest()).length).toBe(0);
    expect(other.counters.connections.opened).toBe(0);
  });

  test.each([
    ["first", "/a", "/b"],
    ["second", "/b", "/a"],
  ])("only the %s has the path: the other never writes, though it waits for its own timeout", async (_who, a, b) => {
    const { server, port } = await webServer();
    const gate = deferred();
    attach(one, a, server, a, gate.promise);
    attach(two, b, server, b, gate.promise);
    const client = await RawClient.connect(port);
    client.write(handshake("/a"));
    // The waits of a later request end after that of the first.
    const nobody = await RawClient.connect(port);
    nobody.write(handshake("/nobody"));
    setTimeout(gate.resolve, 20);
    expect((await client.response()).status).toBe(101);
    expect((await nobody.response()).status).toBe(404);
    expect((await client.frame())?.payload.toString()).toBe("/a");
    client.end();
    expect((await client.rest()).length).toBe(0);
  });

  test("neither has the path: the client gets one 404", async () => {
    const { server, port } = await webServer();
    attach(one, "a", server, "/a");
    attach(two, "b", server, "/b");
    const client = await RawClient.connect(port);
    client.write(handshake("/nobody"));
    expect((await client.response()).status).toBe(404);
    expect((await client.rest()).length).toBe(0);
  });
});

test("a socket that one copy has taken is refused by handleUpgrade of the other", async () => {
  const { server, port } = await webServer();
  const thrown: unknown[] = [];
  server.on("upgrade", (request, socket: Duplex, head) => {
    for (const { WebSocketServer } of [{ WebSocketServer: second.WebSocketServer }, { WebSocketServer: FirstServer }]) {
      const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => {} }) });
      onTestFinished(async () => wss.terminate(0));
      try {
        wss.handleUpgrade(request, socket, head);
      } catch (error) {
        thrown.push((error as { code?: string }).code);
      }
    }
  });
  const client = await RawClient.open(port);
  client.end();
  expect((await client.rest()).length).toBe(0);
  expect(thrown).toEqual(["HWS_INVALID_ARGUMENT"]);
});
const FirstServer = WebSocketServer;

describe("another upgrade listener that answers while our onConnection is pending", () => {
  const answers: Readonly<Record<string, () => unknown>> = {
    "a handler": () => ({ onMessage: () => {}, onOpen: (ws: { send(text: string): void }) => ws.send("ours") }),
    "a refusal": () => refuse(401),
    nothing: () => null,
    "an exception": () => {
      throw new Error("no");
    },
  };
  test.each(Object.keys(answers))("keeps its WebSocket: onConnection settles with %s", async (answer) => {
    const { server, port } = await webServer();
    const gate = deferred();
    const errors: (number | undefined)[] = [];
    const wss = new WebSocketServer(
      {
        onConnection: async () => {
          await gate.promise;
          return answers[answer]!() as null;
        },
        onError: (_wss, event) => void errors.push(event.errors[0].errCode),
      },
      { server },
    );
    onTestFinished(async () => wss.terminate(0));
    const theirs = new OtherServer({ noServer: true });
    onTestFinished(() => {
      theirs.close();
    });
    server.on("upgrade", (request, socket: Duplex, head) =>
      theirs.handleUpgrade(request, socket, head, (client) => client.send("theirs")),
    );
    const client = await RawClient.open(port);
    expect((await client.frame())?.payload.toString()).toBe("theirs");
    gate.resolve();
    await until(() => errors.includes(403));
    client.end();
    expect((await client.rest()).length).toBe(0);
    expect(wss.counters.connections.opened).toBe(0);
  });

  test("with an end only, as engine.io does, is reported, and leaves no socket", async () => {
    const { server, port } = await webServer();
    const gate = deferred();
    const errors: (number | undefined)[] = [];
    const wss = new WebSocketServer(
      {
        onConnection: async () => {
          await gate.promise;
          return { onMessage: () => {} };
        },
        onError: (_wss, event) => void errors.push(event.errors[0].errCode),
      },
      { server },
    );
    onTestFinished(async () => wss.terminate(0));
    const taken: Duplex[] = [];
    server.on("upgrade", (_request, socket: Duplex) => {
      taken.push(socket);
      setImmediate(() => {
        socket.end();
        gate.resolve();
      });
    });
    const client = await RawClient.connect(port);
    client.write(handshake());
    expect((await client.rest()).length).toBe(0);
    await until(() => taken[0]!.destroyed);
    expect([errors, wss.counters.connections.opened]).toEqual([[403], 0]);
  });
});

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test.each([
  ["with a callback", (socket: Duplex) => void socket.write(SWITCHING, () => undefined)],
  [
    "corked",
    (socket: Duplex) => {
      socket.cork();
      socket.write(SWITCHING);
      setImmediate(() => {
        socket.uncork();
      });
    },
  ],
])("a listener before ours that has only written, %s, keeps the socket", async (_how, write) => {
  const { server, port } = await webServer();
  server.on("upgrade", (_request, socket: Duplex) => {
    write(socket);
  });
  const wss = attach({ WebSocketServer }, "ours", server);
  const client = await RawClient.connect(port);
  client.write(handshake());
  expect((await client.response()).status).toBe(101);
  await wss.terminate(0);
  expect(wss.counters.connections.opened).toBe(0);
});

describe("plain requests before a handshake, on one connection", () => {
  /** The answers have `handshakeTimeout`. */
  function serve(server: Server, path?: string, handshakeTimeout?: number): void {
    const wss = new WebSocketServer({ onConnection: () => null }, { server, path, handshakeTimeout });
    onTestFinished(async () => wss.terminate(0));
  }

  /** Sends `count` plain requests and a handshake in one chunk. They are answered last first. */
  async function pipelined(count: number, use: (server: Server) => void, path = "/", size = 1) {
    const waiting: [url: string, response: ServerResponse][] = [];
    const { server, port } = await webServer((request, response) => waiting.push([request.url ?? "", response]));
    use(server);
    let upgrades = 0;
    server.prependListener("upgrade", () => upgrades++);
    const client = await RawClient.connect(port);
    const plain = Array.from({ length: count }, (_, i) => `GET /${String(i)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    client.write(...plain, handshake(path));
    await until(() => waiting.length === count && upgrades === 1);
    for (const [url, response] of waiting.reverse()) response.end(url.repeat(size));
    return client;
  }

  const owners: Readonly<Record<string, [status: number, use: (server: Server) => void, path: string]>> = {
    "our path": [400, serve, "/"],
    "a path that nobody has": [
      404,
      (server) => {
        // The test's own listener could answer until then.
        serve(server, "/ours", 1_000);
      },
      "/nobody",
    ],
    "handleUpgrade for another path": [
      404,
      (server) => {
        const wss = new WebSocketServer({ onConnection: () => null }, { path: "/ours" });
        onTestFinished(async () => wss.terminate(0));
        server.on("upgrade", (request, socket: Duplex, head) => wss.handleUpgrade(request, socket, head));
      },
      "/nobody",
    ],
  };

  test.each(Object.keys(owners).flatMap((what) => [1, 2, 3, 20].map((count) => [what, count] as const)))(
    "%s: %d answers come whole and in order, then the refusal",
    async (what, count) => {
      const [status, use, path] = owners[what]!;
      const client = await pipelined(count, use, path);
      for (let i = 0; i < count; i++) expect((await client.response()).body).toBe(`/${String(i)}`);
      expect((await client.response()).status).toBe(status);
      expect((await client.rest()).length).toBe(0);
    },
  );

  test("answers of 5 MB that wait for a slow client come whole", async () => {
    const bodies = ["a", "b"].map((letter) => letter.repeat(5_000_000));
    const { server, port } = await webServer((request, response) => {
      const body = bodies[Number(request.url?.slice(1))]!;
      response.setHeader("Content-Length", body.length);
      let at = 0;
      const write = (): void => {
        while (at < body.length) if (!response.write(body.slice(at, (at += 65_536)))) return;
        response.end();
        response.off("drain", write);
      };
      response.on("drain", write);
      setImmediate(write);
    });
    serve(server);
    const client = await RawClient.connect(port);
    client.write("GET /0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", handshake());
    for (const body of bodies) expect((await client.response()).body === body).toBe(true);
    expect((await client.response()).status).toBe(400);
    expect((await client.rest()).length).toBe(0);
  });

  test("the ws package, to compare: its 101 comes before the answers", async () => {
    const client = await pipelined(2, (server) => {
      const theirs = new OtherServer({ server });
      onTestFinished(() => {
        theirs.close();
      });
    });
    expect((await client.response()).status).toBe(101);
    // Node writes them into the live WebSocket.
    expect([(await client.response()).body, (await client.response()).body]).toEqual(["/0", "/1"]);
  });
});

describe("a traffic counter on the web server's sockets", () => {
  const counters: Readonly<Record<string, (socket: Duplex, count: (chunk?: Buffer) => void) => void>> = {
    data: (socket, count) => void socket.on("data", count),
    // Without a read Node itself answers nothing.
    "readable, and reads,": (socket, count) =>
      void socket.on("readable", () => {
        count();
        while (socket.read() !== null);
      }),
  };
  const places: Readonly<Record<string, (server: Server, add: (socket: Duplex) => void) => void>> = {
    "of each connection": (server, add) => void server.on("connection", add),
    "of each connection, with another upgrade listener": (server, add) => {
      server.on("connection", add).on("upgrade", () => {});
    },
    "of each upgrade, before ours": (server, add) =>
      void server.on("upgrade", (_request, socket: Duplex) => {
        add(socket);
      }),
  };
  const cases = Object.keys(counters).flatMap((event) => Object.keys(places).map((place) => [event, place] as const));

  test.each(cases)(
    "that listens to %s %s: the handshake is answered, and messages go both ways",
    async (event, place) => {
      const { server, port } = await webServer();
      let counted = 0;
      places[place]!(server, (socket) => {
        counters[event]!(socket, () => counted++);
      });
      const wss = new WebSocketServer(
        { onConnection: () => ({ onMessage: (ws, { data }) => void ws.send(data) }) },
        { server, handshakeTimeout: 60 },
      );
      onTestFinished(async () => wss.terminate(0));
      const client = await RawClient.open(port);
      client.write(masked(0x81, "hello"));
      expect((await client.frame())?.payload.toString()).toBe("hello");
      client.write(masked(0x81, "x".repeat(200_000)));
      expect((await client.frame())?.payload.length).toBe(200_000);
      expect(counted).toBeGreaterThan(0);
    },
  );
});

describe("a request for an unknown path, with another upgrade listener", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function ask(use: (server: Server) => void, before = false) {
    const { server, port } = await webServer();
    if (before) use(server);
    const wss = new WebSocketServer({ onConnection: () => null }, { server, path: "/ours" });
    onTestFinished(async () => wss.terminate(0));
    if (!before) use(server);
    const client = await RawClient.connect(port);
    let status: number | undefined;
    void client.response().then((response) => (status = response.status));
    client.write(handshake("/nobody"));
    await until(() => vi.getTimerCount() > 0);
    return () => status;
  }

  test("gets 404 after 2 s when nobody listens to the socket", async () => {
    const status = await ask((server) => server.on("upgrade", () => {}));
    vi.advanceTimersByTime(1_999);
    for (let i = 0; i < 20; i++) await turn();
    expect(status()).toBeUndefined();
    vi.advanceTimersByTime(1);
    await until(() => status() === 404);
  });

  test.each([
    ["before ours", true, (socket: Duplex) => void socket.on("error", () => {})],
    ["after ours", false, (socket: Duplex) => void socket.on("error", () => {})],
    ["in a later turn", false, (socket: Duplex) => void setImmediate(() => socket.on("close", () => {}))],
  ])("has the whole handshakeTimeout when a proxy has added a listener %s", async (_when, before, add) => {
    const status = await ask((server) => {
      server.on("upgrade", (_request, socket: Duplex) => {
        add(socket);
      });
    }, before);
    await turn();
    await turn();
    vi.advanceTimersByTime(9_999);
    for (let i = 0; i < 20; i++) await turn();
    expect(status()).toBeUndefined();
    vi.advanceTimersByTime(1);
    await until(() => status() === 404);
  });
});
