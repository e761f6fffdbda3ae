import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { Recorder, startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { handshake, masked, RawClient } from "../support/raw-client.ts";
import { dial, ownPort } from "../support/transport.ts";

/** A web server of the user's. It is closed at the end of the test. */
async function webServer(answer: (response: ServerResponse) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => answer(response)).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: await portOf(server) };
}

describe.each([
  ["over TLS", certificate],
  ["without TLS", undefined],
])("clients that do not finish their handshake, %s", (_how, tls) => {
  test.each([
    ["say nothing", []],
    ["send the first bytes of one", tls === undefined ? [0x47, 0x45] : [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
  ])("and %s do not block others: the oldest are dropped, and counted", async (_what, bytes) => {
    const { port, wss } = await startServer({}, { tls, maxConnections: 5, maxHandshakes: 5, handshakeTimeout: 60_000 });
    const gone: number[] = [];
    for (let i = 0; i < 10; i++) {
      const socket: Socket = connect({ port, host: "127.0.0.1" }).resume();
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => undefined).on("close", () => gone.push(i));
      await once(socket, "connect");
      if (!socket.destroyed) socket.write(Uint8Array.from(bytes));
    }
    await until(() => gone.length >= 5);
    const peer = await (tls === undefined ? Peer.open(port) : Peer.openSecure(port));
    await until(() => gone.length >= 6);
    expect(gone.sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(wss.counters.limits).toMatchObject({ maxHandshakes: 6, maxConnections: 0 });
    peer.socket.close(1000);
    expect(await peer.closed).toEqual([1000, ""]);
  });
});

test("handshakes that are refused for another reason do not count for maxHandshakesPerSecond", async () => {
  const { port, wss } = await startServer({}, { maxHandshakesPerSecond: 1 });
  for (let i = 0; i < 3; i++) {
    expect((await Peer.refused(port, "/", { origin: "https://evil.example" })).status).toBe(403);
  }
  await Peer.open(port);
  expect(wss.counters.limits.maxHandshakesPerSecond).toBe(0);
});

describe("a client that resets after its handshake", () => {
  test.each([
    ["networks", ["10.0.0.0/8"]],
    ["every network", ["0.0.0.0/0", "::/0"]],
  ])("has no address from its own header, and is not let in, with trustProxy as %s", async (_what, trustProxy) => {
    const seen: string[] = [];
    const { port } = await startServer(
      { connection: ({ request }) => void seen.push(request.remoteAddress) },
      { trustProxy },
    );
    const client = await RawClient.connect(port);
    // The connection is accepted, so only the bytes from now on are read after it has disconnected.
    for (let i = 0; i < 20; i++) await turn();
    client.write(handshake("/", { "X-Forwarded-For": "192.0.2.66" }), masked(0x81, "do it"));
    client.socket.resetAndDestroy();
    // Without an address it would have no place among those of its address.
    await Peer.open(port);
    expect(seen).toEqual(["127.0.0.1"]);
  });

  test("and one that stays has the address from its trusted proxy", async () => {
    const seen: string[] = [];
    const { port } = await startServer(
      { connection: ({ request }) => void seen.push(request.remoteAddress) },
      { trustProxy: "loopback" },
    );
    await RawClient.open(port, "/", { "X-Forwarded-For": "192.0.2.66" });
    expect(seen).toEqual(["192.0.2.66"]);
  });
});

describe("an upgrade after an unanswered plain request", () => {
  describe.each([
    ["ends its half", (client: RawClient) => client.end()],
    ["resets", (client: RawClient) => client.socket.resetAndDestroy()],
  ])("whose client %s", (_how, go) => {
    test.each([
      ["at once", ""],
      ["after more bytes", "x"],
    ])("%s leaves no socket on the user's web server, and the response is closed", async (_when, more) => {
      const asked = deferred();
      let told = 0;
      const { server, port } = await webServer((response) => {
        response.on("close", () => told++);
        asked.resolve();
      });
      let sockets = 0;
      server.on("connection", (socket: Socket) => {
        sockets++;
        socket.on("close", () => sockets--);
      });
      let upgrades = 0;
      server.prependListener("upgrade", () => upgrades++);
      const wss = new WebSocketServer({ onConnection: () => new Recorder({}) }, { server, dataType: "auto" });
      onTestFinished(() => wss.terminate(0));

      const client = await RawClient.connect(port);
      client.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", handshake());
      await asked.promise;
      await until(() => upgrades === 1);
      if (more !== "") client.write(more);
      go(client);
      await until(() => sockets === 0 && told === 1);
      expect(wss.counters.connections.opened).toBe(0);
    });
  });

  test("is refused after the response, and then the connection ends", async () => {
    const slow = deferred<ServerResponse>();
    const { server, port } = await webServer(slow.resolve);
    const wss = new WebSocketServer({ onConnection: () => new Recorder({}) }, { server, dataType: "auto" });
    onTestFinished(() => wss.terminate(0));
    const client = await RawClient.connect(port);
    client.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", handshake());
    const response = await slow.promise;
    await turn();
    response.end("a page");
    expect(await client.response()).toMatchObject({ status: 200, body: "a page" });
    expect((await client.response()).status).toBe(400);
    expect((await client.rest()).length).toBe(0);
    expect(wss.counters.connections.opened).toBe(0);
  });
});

test("twelve servers on one web server cause no warning, and leave it unchanged", async () => {
  const warnings: string[] = [];
  const listen = ({ message }: Error): number => warnings.push(message);
  process.on("warning", listen);
  onTestFinished(() => void process.off("warning", listen));
  const { server, port } = await webServer((response) => response.end("a page"));
  const before = server.getMaxListeners();
  const all = Array.from({ length: 12 }, (_, i) => {
    const wss = new WebSocketServer(
      { onConnection: () => new Recorder({}) },
      { server, path: `/${i}`, dataType: "auto" },
    );
    onTestFinished(() => wss.terminate(0));
    return wss;
  });
  for (let i = 0; i < all.length; i++) await Peer.open(port, `/${i}`);
  expect(all.map(({ connections }) => connections.length)).toEqual(all.map(() => 1));
  await Promise.all(all.map((wss) => wss.terminate(0)));
  await turn();
  expect(warnings).toEqual([]);
  expect(server.getMaxListeners()).toBe(before);
});

describe("sockets that are held before they are WebSockets", () => {
  /** A socket that sends a request, reads nothing more than it must, and does not close. */
  async function hold(port: number, localAddress: string, request: string): Promise<Socket> {
    const socket = dial({ port, localAddress });
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined).resume();
    await once(socket, "connect");
    socket.write(request);
    return socket;
  }

  test("refused clients of one address keep no place from another address", async () => {
    const { port, wss, recorders } = await startServer({}, { maxConnections: 10, maxHandshakes: 8 });
    const refused = handshake("/", { Origin: "https://elsewhere.example" });
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < 12; j++) await hold(port, "127.0.0.2", refused);
      const peer = await Peer.open(port, "/", [], { localAddress: "127.0.0.3" });
      peer.socket.terminate();
      await until(() => wss.connections.length === 0);
    }
    expect(recorders.length).toBe(10);
    expect(wss.counters.limits.maxConnections).toBe(0);
    expect(wss.counters.limits.maxHandshakes).toBeGreaterThan(0);
  });

  test("a refused client of another address has the time to read its answer", async () => {
    const { port } = await startServer({}, { maxHandshakes: 8 });
    const refused = handshake("/", { Origin: "https://elsewhere.example" });
    let closed = false;
    const other = await hold(port, "127.0.0.3", refused);
    other.once("close", () => (closed = true));
    await once(other, "end");
    for (let i = 0; i < 40; i++) await once(await hold(port, "127.0.0.2", refused), "end");
    expect(closed).toBe(false);
    // It is still read from: what it sends is not answered by a reset.
    other.write("more");
    await turn();
    expect(closed).toBe(false);
  });

  test("handshakes of one address keep no place from another address", async () => {
    const asked: string[] = [];
    const wss = new WebSocketServer(
      {
        onConnection(_wss: unknown, { request }: { request: { remoteAddress: string } }) {
          asked.push(request.remoteAddress);
          return request.remoteAddress === "127.0.0.2" ? new Promise<null>(() => undefined) : new Recorder({});
        },
      },
      { ...(await ownPort()), maxHandshakes: 8 },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    for (let i = 0; i < 8; i++) await hold(port, "127.0.0.2", handshake("/"));
    await until(() => asked.length === 8);
    expect((await Peer.refused(port, "/", { localAddress: "127.0.0.2" })).status).toBe(503);
    await Peer.open(port, "/", [], { localAddress: "127.0.0.3" });
    expect(wss.counters.limits.maxHandshakes).toBe(2);
  });

  test.each([
    ["another version", 426, { "Sec-WebSocket-Version": "12" }, {}],
    ["an origin that is not allowed", 403, { Origin: "https://elsewhere.example" }, {}],
    ["a rate that is spent", 503, {}, { maxHandshakesPerSecond: 8 }],
  ])(
    "a request that is refused because of %s takes no place from a handshake",
    async (_why, status, headers, limits) => {
      let asked = 0;
      const wss = new WebSocketServer(
        {
          onConnection() {
            asked++;
            return new Promise<null>(() => undefined);
          },
        },
        { ...(await ownPort()), maxHandshakes: 8, ...limits },
      );
      onTestFinished(() => wss.terminate(0));
      const port = await portOf(wss);
      let answered = 0;
      for (let i = 0; i < 8; i++) (await hold(port, "127.0.0.2", handshake("/"))).on("data", () => answered++);
      await until(() => asked === 8);
      const refused = await hold(port, "127.0.0.3", handshake("/", headers));
      const [answer] = (await once(refused, "data")) as [Buffer];
      expect(answer.toString()).toContain(`HTTP/1.1 ${String(status)} `);
      await turn();
      expect(answered).toBe(0);
    },
  );

  /** A web server of the user's, on which another listener never answers, and the sockets of its requests. */
  async function undecided(maxHandshakes: number) {
    const { server, port } = await webServer((response) => response.end());
    const sockets: Socket[] = [];
    server.on("upgrade", (_request, socket: Socket) => sockets.push(socket));
    const wss = new WebSocketServer(
      { onConnection: () => new Recorder({}) },
      { server, path: "/ours", maxHandshakes, handshakeTimeout: 60_000 },
    );
    onTestFinished(() => wss.terminate(0));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const held = (): number => sockets.filter(({ destroyed }) => !destroyed).length;
    return { port, wss, sockets, held };
  }

  test("requests for a path that no WebSocket server has have maxHandshakes places, beside another upgrade listener", async () => {
    const { port, wss, sockets, held } = await undecided(10);
    for (let i = 0; i < 100; i++) await hold(port, "127.0.0.2", handshake("/nobody"));
    await until(() => sockets.length === 100 && held() <= 10);
    expect(held()).toBe(10);
    expect(wss.counters.limits.maxHandshakes).toBe(90);
    await Peer.open(port, "/ours");
  });

  test("and a server that is terminated leaves them to the other listener", async () => {
    const { port, wss, sockets, held } = await undecided(10);
    const answers: string[] = [];
    for (let i = 0; i < 5; i++) {
      const socket = await hold(port, "127.0.0.2", handshake("/nobody"));
      socket.on("data", (chunk) => answers.push(chunk.toString().slice(0, 12)));
    }
    await until(() => sockets.length === 5);
    await turn();
    await wss.terminate(0);
    expect(sockets.map((socket) => socket.listenerCount("close"))).toEqual(Array.from({ length: 5 }, () => 0));
    await turn();
    expect([held(), answers]).toEqual([5, []]);
  });

  test("nor a socket of a client that it has refused", async () => {
    const { server, port } = await webServer((response) => response.end());
    const sockets: Socket[] = [];
    server.on("upgrade", (_request, socket: Socket) => sockets.push(socket));
    const wss = new WebSocketServer({ onConnection: () => null }, { server });
    const client = await hold(port, "127.0.0.2", handshake("/"));
    await once(client, "end");
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    await wss.terminate(0);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});
