import { type ConnectionHandler, WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { certificate } from "../support/certificate.ts";
import { startServer } from "../support/live-server.ts";
import { Peer, portOf, until } from "../support/peer.ts";
import { handshake, RawClient } from "../support/raw-client.ts";

/** A server. The test decides which clients it accepts. */
async function slowServer(
  options: WebSocketServerOptions<"text">,
): Promise<{ wss: WebSocketServer; port: number; asking: (() => void)[] }> {
  const asking: (() => void)[] = [];
  const handler = {
    onConnection(): Promise<ConnectionHandler<"text">> {
      return new Promise((resolve) => asking.push(() => resolve({ onMessage: () => {} })));
    },
  };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", ...options });
  onTestFinished(() => wss.terminate(0));
  return { wss, port: await portOf(wss), asking };
}

describe("clients that wait for onConnection", () => {
  test("there may be maxHandshakes of them; one more gets 503, until one of them has its result", async () => {
    const { wss, port, asking } = await slowServer({ maxHandshakes: 2 });
    const waiting = [Peer.open(port), Peer.open(port)];
    await until(() => asking.length === 2);
    const refused = await Peer.refused(port);
    expect(refused.status).toBe(503);
    expect(refused.headers["retry-after"]).toBe("1");
    expect(asking.length).toBe(2);
    asking[1]!();
    await Promise.any(waiting);
    waiting.push(Peer.open(port));
    await until(() => asking.length === 3);
    for (const admit of asking) admit();
    await Promise.all(waiting);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxHandshakes: 1 });
    expect(wss.connections.length).toBe(3);
  });

  test("they already count as connections", async () => {
    const { wss, port, asking } = await slowServer({ maxConnections: 1 });
    const waiting = Peer.open(port);
    await until(() => asking.length === 1);
    expect((await Peer.refused(port)).status).toBe(503);
    asking[0]!();
    await waiting;
    expect((await Peer.refused(port)).status).toBe(503);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxConnections: 2 });
  });

  test("and as connections of their address", async () => {
    const { wss, port, asking } = await slowServer({ maxConnectionsPerAddress: 4 });
    const waiting: Promise<Peer>[] = [];
    for (let i = 1; i <= 4; i++) {
      waiting.push(Peer.open(port));
      await until(() => asking.length === i);
    }
    expect((await Peer.refused(port)).status).toBe(429);
    for (const admit of asking) admit();
    const [first] = await Promise.all(waiting);
    expect((await Peer.refused(port)).status).toBe(429);
    first!.socket.terminate();
    await until(() => wss.connections.length === 3);
    waiting.push(Peer.open(port));
    await until(() => asking.length === 5);
    asking[4]!();
    await waiting[4];
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxConnectionsPerAddress: 2 });
  });

  test("a refusal frees a place too", async () => {
    const { port, asking, wss } = await slowServer({ maxHandshakes: 1, handshakeTimeout: 50 });
    expect((await Peer.refused(port)).status).toBe(503);
    const next = Peer.open(port);
    await until(() => asking.length === 2);
    asking[1]!();
    await next;
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), handshakeTimeout: 1 });
  });
});

describe.each([
  ["plain", {}],
  ["TLS", { tls: certificate }],
])("clients that have not finished their request, by %s", (_name, tls) => {
  const connect = (port: number): Promise<RawClient> =>
    "tls" in tls ? RawClient.connectTls(port, certificate.cert) : RawClient.connect(port);

  test("there may be maxHandshakes; for one more the oldest is dropped", async () => {
    const { wss, port, recorders } = await startServer({}, { maxHandshakes: 3, ...tls });
    const clients: RawClient[] = [];
    for (let i = 0; i < 5; i++) {
      const client = await connect(port);
      client.write(handshake().slice(0, 10 * i));
      clients.push(client);
    }
    for (const client of clients.slice(0, 2)) expect((await client.rest()).length).toBe(0);
    // The others are not affected.
    for (const [i, client] of clients.entries()) if (i >= 2) client.write(handshake().slice(10 * i));
    for (const client of clients.slice(2)) expect((await client.response()).status).toBe(101);
    expect(recorders.length).toBe(3);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxHandshakes: 2 });
  });

  test("accepted, refused and disconnected clients do not count", async () => {
    const { wss, port } = await startServer({}, { maxHandshakes: 2, ...tls });
    const inside = [];
    for (let i = 0; i < 3; i++) {
      const client = await connect(port);
      client.write(handshake());
      expect((await client.response()).status).toBe(101);
      inside.push(client);
      const refused = await connect(port);
      refused.write(handshake("/", { Origin: "https://elsewhere.example" }));
      expect((await refused.response()).status).toBe(403);
      refused.socket.destroy();
      const curious = await connect(port);
      curious.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect((await curious.response()).status).toBe(426);
      expect((await curious.rest()).length).toBe(0);
    }
    const [first, second] = [await connect(port), await connect(port)];
    for (const client of [first, second]) {
      client.write(handshake());
      expect((await client.response()).status).toBe(101);
    }
    expect(wss.connections.length).toBe(5);
    expect(inside.every(({ socket }) => socket.readyState === "open")).toBe(true);
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });
});

describe("maxHandshakesPerSecond", () => {
  test("beyond it clients get 503 with Retry-After, and are counted", async () => {
    const { wss, port, recorders } = await startServer({}, { maxHandshakesPerSecond: 2 });
    const headers: unknown[] = [];
    // More than that rate allows in the time of the test.
    for (let i = 0; i < 100; i++) {
      const client = await RawClient.connect(port);
      client.write(handshake());
      const response = await client.response();
      if (response.status === 503) headers.push(response.headers.get("retry-after"));
      else expect(response.status).toBe(101);
    }
    expect(recorders.length).toBeGreaterThanOrEqual(2);
    expect(headers.length).toBeGreaterThan(0);
    expect(headers).toEqual(headers.map(() => ["1"]));
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxHandshakesPerSecond: headers.length });
    expect(wss.counters.connections.opened + headers.length).toBe(100);
  });
});
