import { WebSocketServer } from "hawser";
import { IncomingMessage, type Server, createServer } from "node:http";
import { Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer as OtherServer } from "ws";
import { beforeOf, guessBefore, hasNewReaders, isAnsweredSince, noteBefore } from "../../src/server/before-others.ts";
import { portOf, turn, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

vi.resetModules();
/** A second copy of the library: it has its own classes. */
const second = await import("hawser");

/** A web server of the user's with a traffic counter. */
async function countedServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const server = createServer((_request, response) => response.end("plain")).listen(0, "127.0.0.1");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("data", () => {});
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: await portOf(server), sockets };
}

function attach(Library: typeof WebSocketServer, server: Server, path: string | undefined, first: string) {
  const wss = new Library(
    { onConnection: () => ({ onOpen: (ws) => ws.send(first), onMessage: () => {} }) },
    { server, ...(path === undefined ? {} : { path }) },
  );
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

/** Asks for a path. Returns the status of the answer, and the first message. */
async function ask(port: number, path: string): Promise<unknown[]> {
  const client = await RawClient.connect(port);
  client.write(handshake(path));
  const { status } = await client.response();
  const message = status === 101 ? (await client.frame())?.payload.toString() : undefined;
  client.socket.destroy();
  return [status, message];
}

describe("with a traffic counter on the web server", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each(["first", "second"])(
    "two copies of the library answer for their paths at once, the %s one too",
    async (which) => {
      const { server, port } = await countedServer();
      attach(WebSocketServer, server, "/first", "first");
      attach(second.WebSocketServer, server, "/second", "second");
      expect(await ask(port, `/${which}`)).toEqual([101, which]);
    },
  );

  test("a path that no copy has gets one 404", async () => {
    const { server, port } = await countedServer();
    attach(WebSocketServer, server, "/first", "first");
    attach(second.WebSocketServer, server, "/second", "second");
    const asked = ask(port, "/third");
    await until(() => vi.getTimerCount() > 0);
    for (let i = 0; i < 3; i++) await turn();
    vi.advanceTimersByTime(2_000);
    expect(await asked).toEqual([404, undefined]);
  });

  test("and a listener that was prepended, the first handshake is answered after a moment, the next ones at once", async () => {
    const { server, port } = await countedServer();
    attach(WebSocketServer, server, undefined, "ours");
    server.prependListener("upgrade", () => {});
    const asked = ask(port, "/");
    await until(() => vi.getTimerCount() > 0);
    vi.advanceTimersByTime(250);
    expect(await asked).toEqual([101, "ours"]);
    expect(await ask(port, "/")).toEqual([101, "ours"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ["on a new connection", false],
    ["on the connection of an earlier request", true],
  ])("an owner that was prepended keeps its WebSocket %s", async (_on, isKept) => {
    const { server, port } = await countedServer();
    const wss = attach(WebSocketServer, server, undefined, "ours");
    const theirs = new OtherServer({ noServer: true });
    onTestFinished(() => {
      theirs.close();
    });
    server.prependListener("upgrade", (request, socket: Duplex, head) => {
      theirs.handleUpgrade(request, socket, head, (client) => client.send("theirs"));
    });
    if (isKept) {
      // The first request after a listener was prepended puts ours before it.
      expect(await ask(port, "/")).toEqual([101, "theirs"]);
    }
    const client = await RawClient.connect(port);
    if (isKept) {
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect((await client.response()).body).toBe("plain");
    }
    client.write(handshake());
    expect((await client.response()).status).toBe(101);
    expect((await client.frame())?.payload.toString()).toBe("theirs");
    for (let i = 0; i < 3; i++) await turn();
    vi.advanceTimersByTime(20_000);
    await turn();
    client.end();
    expect((await client.rest()).length).toBe(0);
    expect(wss.counters.connections.opened).toBe(0);
  });
});

describe("a listener that only counts, added by an upgrade listener", () => {
  const counters: Readonly<Record<string, (socket: Duplex) => void>> = {
    data: (socket) => void socket.on("data", () => {}),
    "data and close": (socket) => void socket.on("data", () => {}).on("close", () => {}),
  };

  test.each(Object.keys(counters))(
    "to %s: the handshake is answered after a moment, not after handshakeTimeout",
    async (events) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      onTestFinished(() => {
        vi.useRealTimers();
      });
      const { server, port } = await countedServer();
      server.on("upgrade", (_request, socket: Duplex) => {
        counters[events]!(socket);
      });
      attach(WebSocketServer, server, undefined, "ours");
      const asked = ask(port, "/");
      await until(() => vi.getTimerCount() > 0);
      vi.advanceTimersByTime(249);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(1);
      expect(await asked).toEqual([101, "ours"]);
    },
  );
});

test("the parts: what was noted, or guessed, and what is new since then", () => {
  const socket = new Socket();
  const message = new IncomingMessage(socket);
  expect(beforeOf(message)).toBeUndefined();
  expect([hasNewReaders(undefined, socket), isAnsweredSince(undefined, socket)]).toEqual([false, false]);
  socket.on("data", () => {});
  noteBefore(message, socket);
  const noted = beforeOf(message)!;
  expect([noted.readers, noted.written, hasNewReaders(noted, socket)]).toEqual([1, 0, false]);
  socket.on("data", () => {});
  expect(hasNewReaders(noted, socket)).toBe(true);
  const guess = guessBefore(message, socket);
  expect(beforeOf(message)).toBe(guess);
  expect([guess.readers, guess.listeners, hasNewReaders(guess, socket)]).toEqual([0, 0, true]);
  const written = Object.assign(new PassThrough(), { bytesWritten: 7 });
  // Of another stream it is unknown what was written to it before.
  expect(isAnsweredSince(guessBefore(message, written), written)).toBe(false);
  const fresh = Object.defineProperty(new Socket(), "bytesWritten", { value: 7 });
  expect(isAnsweredSince(guessBefore(message, fresh), fresh)).toBe(true);
  const served = Object.assign(Object.defineProperty(new Socket(), "bytesWritten", { value: 7 }), {
    _httpMessage: null,
  });
  expect(isAnsweredSince(guessBefore(message, served), served)).toBe(false);
});
