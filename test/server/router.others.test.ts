import { WebSocketServer } from "hawser";
import { type IncomingMessage, type Server, createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, onTestFinished, test } from "vitest";
import { portOf, turn, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/** A web server of the user's. */
async function webServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const server = createServer((request, response) => response.end(request.url)).listen(0, "127.0.0.1");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: await portOf(server), sockets };
}

/** A server of ours that lets everybody in. */
function attach(server: Server, path: string, options: { handshakeTimeout?: number; maxHandshakes?: number } = {}) {
  const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => {} }) }, { server, path, ...options });
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

/** Another listener that serves "/other": it answers when the test calls `answer`. */
function otherListener(server: Server, use: (socket: Duplex) => void = () => {}) {
  const waiting: Duplex[] = [];
  const messages: WeakRef<IncomingMessage>[] = [];
  const before: Record<"error" | "close", number>[] = [];
  server.prependListener("upgrade", (message, socket: Duplex) => {
    if (message.url !== "/other") return;
    messages.push(new WeakRef(message));
    before.push({ error: socket.listenerCount("error"), close: socket.listenerCount("close") });
    waiting.push(socket);
  });
  const answer = (): void => {
    for (const socket of waiting) {
      socket.write(SWITCHING);
      use(socket);
    }
  };
  return { waiting, messages, before, answer };
}

/** Clients that ask for a path. */
async function clients(count: number, port: number, path: string, ...first: string[]): Promise<RawClient[]> {
  const all: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await RawClient.connect(port);
    client.write(...first, handshake(path));
    all.push(client);
  }
  return all;
}

describe("a socket that another listener has taken", () => {
  test.each(["at once", "later"])("%s has no listener of ours, and its request is not kept in memory", async (when) => {
    const { server, port } = await webServer();
    const other = otherListener(server, (socket) => socket.on("data", () => undefined));
    attach(server, "/ours", { handshakeTimeout: 50 });
    server.once("upgrade", () => {
      if (when === "at once") other.answer();
      else setTimeout(other.answer, 5);
    });
    const [client] = await clients(1, port, "/other");
    expect((await client!.response()).status).toBe(101);
    // The wait for a later request is over after that for this one.
    const [nobody] = await clients(1, port, "/nobody");
    expect((await nobody!.response()).status).toBe(404);
    const [socket] = other.waiting;
    expect({ error: socket!.listenerCount("error"), close: socket!.listenerCount("close") }).toEqual(other.before[0]);
    const isKept = (): boolean => other.messages[0]!.deref() !== undefined;
    for (let i = 0; i < 20; i++) {
      await turn();
      gc();
    }
    expect(isKept()).toBe(false);
    expect(socket!.destroyed).toBe(false);
  });

  test.each([1, 2, 5])("after the answers to %d earlier requests gets no 404 from us", async (count) => {
    const { server, port } = await webServer();
    const other = otherListener(server);
    attach(server, "/ours", { handshakeTimeout: 50 });
    const earlier = Array.from({ length: count }, (_, i) => `GET /${String(i)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [client] = await clients(1, port, "/other", ...earlier);
    for (let i = 0; i < count; i++) expect((await client!.response()).body).toBe(`/${String(i)}`);
    await until(() => other.waiting.length === 1);
    other.answer();
    expect((await client!.response()).status).toBe(101);
    const [nobody] = await clients(1, port, "/nobody");
    expect((await nobody!.response()).status).toBe(404);
    other.waiting[0]!.end();
    expect((await client!.rest()).toString()).toBe("");
  });
});

describe("a server that ends while a request waits for another listener", () => {
  test("passes it on to another of ours: the listener may answer it later", async () => {
    const { server, port } = await webServer();
    const other = otherListener(server);
    const ours = ["/a", "/b", "/c"].map((path) => attach(server, path));
    const [client] = await clients(1, port, "/other");
    await until(() => other.waiting.length === 1);
    await turn();
    await ours[0]!.terminate();
    await ours[1]!.terminate(0);
    other.answer();
    expect((await client!.response()).status).toBe(101);
  });

  test.each([undefined, 0])("and is the last of ours leaves the socket alone: terminate(%o)", async (seconds) => {
    const { server, port } = await webServer();
    const other = otherListener(server);
    const wss = attach(server, "/a");
    const [client] = await clients(1, port, "/other");
    await until(() => other.waiting.length === 1);
    await turn();
    await wss.terminate(seconds);
    const [socket] = other.waiting;
    expect({ error: socket!.listenerCount("error"), close: socket!.listenerCount("close") }).toEqual(other.before[0]);
    other.answer();
    expect((await client!.response()).status).toBe(101);
  });

  test("and leaves nobody to answer refuses it with 404", async () => {
    const { server, port } = await webServer();
    const other = otherListener(server);
    const theirs = server.listeners("upgrade");
    const wss = attach(server, "/a");
    const [client] = await clients(1, port, "/other");
    await until(() => other.waiting.length === 1);
    await turn();
    for (const listener of theirs) server.off("upgrade", listener as () => void);
    await wss.terminate(0);
    expect((await client!.response()).status).toBe(404);
  });
});
