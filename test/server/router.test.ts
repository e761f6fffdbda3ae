import { WebSocketServer, type WSHandler } from "hawser";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer as OtherServer } from "ws";
import { Peer, portOf, turn, until } from "../support/peer.ts";
import { handshake, RawClient } from "../support/raw-client.ts";

/** A listening web server of the user's. */
async function webServer(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: await portOf(server) };
}

/** A server whose connections send its name. */
function named(
  name: string,
  server: Server,
  options: { path?: string; handshakeTimeout?: number } = {},
): WebSocketServer {
  const handler: WSHandler<"text"> = {
    onConnection: () => ({ onOpen: (ws) => ws.send(name), onMessage: () => {} }),
  };
  const wss = new WebSocketServer(handler, { server, ...options });
  onTestFinished(async () => wss.terminate(0));
  return wss;
}

async function greeting(port: number, path: string): Promise<unknown> {
  const peer = await Peer.open(port, path);
  return (await peer.received(1))[0];
}

describe("several servers on one web server", () => {
  // shows 4D-1-share-by-path, 4D-1-path, 4D-1-path-undefined
  test("each has its path, and one without a path has the rest", async () => {
    const { server, port } = await webServer();
    named("a", server, { path: "/a" });
    named("ab", server, { path: "/a/b" });
    named("rest", server);
    expect(await greeting(port, "/a")).toBe("a");
    expect(await greeting(port, "/a?path=/a/b")).toBe("a");
    expect(await greeting(port, "/a/b")).toBe("ab");
    for (const path of ["/", "/A", "/a/", "/a/b/c", "//a", "/%61", "/constructor", "/__proto__"]) {
      expect(await greeting(port, path), path).toBe("rest");
    }
    expect(server.listenerCount("upgrade")).toBe(2);
  });

  // shows 4D-1-unknown-path
  test("a path that none of them has gets 404", async () => {
    const { server, port } = await webServer();
    named("a", server, { path: "/a" });
    named("b", server, { path: "/b" });
    for (const path of ["/", "/c", "/a/", "/a%2f", "/constructor", "/__proto__", "/undefined"]) {
      const { status, body } = await Peer.refused(port, path);
      expect(status, path).toBe(404);
      expect(body).toMatch(/^[^\n]+\n$/);
    }
  });

  test("a path cannot be used twice, and the error names it", async () => {
    const { server } = await webServer();
    named("a", server, { path: "/a" });
    named("rest", server);
    expect(() => named("again", server, { path: "/a" })).toThrow(/^path: another WebSocketServer [^]* has "\/a"$/);
    expect(() => named("again", server)).toThrow(/^path: another WebSocketServer [^]* has no path either$/);
    // On another web server it is free.
    named("a", (await webServer()).server, { path: "/a" });
  });

  test("a server that ended frees its path, and the others go on", async () => {
    const { server, port } = await webServer();
    const first = named("first", server, { path: "/a" });
    named("b", server, { path: "/b" });
    await first.terminate(0);
    expect((await Peer.refused(port, "/a")).status).toBe(404);
    const second = named("second", server, { path: "/a" });
    // Ended once more it does not remove its successor's path.
    await first.terminate(0);
    expect(await greeting(port, "/a")).toBe("second");
    expect(await greeting(port, "/b")).toBe("b");
    await second.terminate(0);
    expect(await greeting(port, "/b")).toBe("b");
  });

  test("the last that ends removes every listener", async () => {
    const { server } = await webServer();
    const before = server.eventNames().map((name) => [name, server.listenerCount(name)]);
    const all = ["/a", "/b", "/c"].map((path) => named(path, server, { path }));
    await Promise.all(all.map(async (wss) => wss.terminate(0)));
    expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(before);
  });
});

describe("the user's own upgrade listeners", () => {
  // shows 4D-1-other-listeners
  test.each(["before", "after"])("one that was added %s ours and takes the request keeps it", async (order) => {
    const { server, port } = await webServer();
    const other = new OtherServer({ noServer: true });
    onTestFinished(() => {
      other.close();
    });
    const theirs = (): void => {
      server.on("upgrade", (request, socket, head) => {
        if (request.url === "/theirs") other.handleUpgrade(request, socket, head, (client) => client.send("theirs"));
      });
    };
    if (order === "before") theirs();
    named("ours", server, { path: "/ours", handshakeTimeout: 50 });
    if (order === "after") theirs();
    const peer = await Peer.open(port, "/theirs");
    expect(await peer.received(1)).toEqual(["theirs"]);
    expect(await greeting(port, "/ours")).toBe("ours");
    // Our wait for other listeners is over by then, and the first socket is still open.
    expect((await Peer.refused(port, "/nobody")).status).toBe(404);
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });

  test("one that was called before ours and took the request keeps it, even for a path that we do not serve", async () => {
    const { server, port } = await webServer();
    server.on("upgrade", (_request, socket: Duplex) => {
      socket.end("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    const wss = named("ours", server);
    expect((await Peer.refused(port, "/")).status).toBe(410);
    expect(wss.connections.length).toBe(0);
  });

  // shows 4D-1-other-listeners
  test("one that answers later is waited for", async () => {
    const { server, port } = await webServer();
    const other = new OtherServer({ noServer: true });
    onTestFinished(() => {
      other.close();
    });
    let release: () => void = () => {};
    server.on("upgrade", (request, socket, head) => {
      if (request.url !== "/slow") return;
      release = () => other.handleUpgrade(request, socket, head, (client) => client.send("at last"));
    });
    named("ours", server, { path: "/ours" });
    const peer = Peer.begin(port, "/slow");
    expect((await Peer.refused(port, "/ours", { headers: { Origin: "null" } })).status).toBe(403);
    release();
    expect(await peer.received(1)).toEqual(["at last"]);
  });

  test.each([
    ["another path", { path: "/ours", handshakeTimeout: 50 }],
    ["no path", { handshakeTimeout: 50 }],
  ])(
    "one that passes requests to one of our servers is respected by another of ours with %s",
    async (_what, options) => {
      const { server, port } = await webServer();
      const mine = new WebSocketServer({
        onConnection: () => ({ onMessage: (ws, event) => void ws.send(event.data) }),
      });
      server.on("upgrade", (request, socket, head) => {
        if (request.url === "/mine") mine.handleUpgrade(request, socket, head);
      });
      const other = named("ours", server, options);
      const peer = await Peer.open(port, "/mine");
      if ("path" in options) expect((await Peer.refused(port, "/nobody")).status).toBe(404);
      peer.socket.send("still there");
      expect(await peer.received(1)).toEqual(["still there"]);
      expect([mine.connections.length, other.connections.length]).toEqual([1, 0]);
      peer.socket.terminate();
      await until(() => mine.connections.length === 0);
      await mine.terminate(0);
      expect(mine.terminated).toBe(true);
    },
  );

  test("a request that none of them takes gets 404 in the end", async () => {
    const { server, port } = await webServer();
    let seen = 0;
    server.on("upgrade", () => seen++);
    named("ours", server, { path: "/ours", handshakeTimeout: 50 });
    expect((await Peer.refused(port, "/nobody")).status).toBe(404);
    expect(seen).toBe(1);
  });

  test("a client that resets the connection during this wait does no harm", async () => {
    const { server, port } = await webServer();
    const sockets: Duplex[] = [];
    server.on("upgrade", (_request, socket: Duplex) => sockets.push(socket));
    named("ours", server, { path: "/ours" });
    const client = await RawClient.connect(port);
    client.write(handshake("/nobody"));
    await until(() => sockets.length === 1);
    client.socket.resetAndDestroy();
    await until(() => sockets[0]!.destroyed);
    await turn();
    expect(await greeting(port, "/ours")).toBe("ours");
  });

  test("a malformed request for another path is not checked by us", async () => {
    const { server, port } = await webServer();
    named("ours", server, { path: "/ours" });
    const client = await RawClient.connect(port);
    client.write(handshake("/nobody", { "Sec-WebSocket-Key": "short" }));
    expect((await client.response()).status).toBe(404);
    const other = await RawClient.connect(port);
    other.write(handshake("/ours", { "Sec-WebSocket-Key": "short" }));
    expect((await other.response()).status).toBe(400);
  });
});

test("plain requests of the web server are not handled by us", async () => {
  const { server, port } = await webServer();
  server.on("request", (_request, response) => response.end("mine"));
  named("ours", server);
  const response = await fetch(`http://127.0.0.1:${String(port)}/`);
  expect(await response.text()).toBe("mine");
  server.close();
  await once(server, "close");
});
