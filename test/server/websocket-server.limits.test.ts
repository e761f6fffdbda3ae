import { type WSConnectionEvent, type WSServerErrorEvent, WebSocketServer } from "hawser";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ClientOptions } from "ws";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { handshake, masked, RawClient } from "../support/raw-client.ts";

/** The headers of a client behind a proxy. */
function by(...forwarded: readonly string[]): ClientOptions {
  // Node sends a line for each. The types of `ws` do not allow this.
  return { headers: { "X-Forwarded-For": forwarded } } as unknown as ClientOptions;
}

describe("maxConnections", () => {
  test("one more gets 503, until a client has disconnected", async () => {
    const { wss, port, recorders } = await startServer({}, { maxConnections: 2 });
    const first = await Peer.open(port);
    await Peer.open(port);
    const refused = await Peer.refused(port);
    expect(refused.status).toBe(503);
    expect(refused.headers["retry-after"]).toBe("1");
    expect(refused.body).toBe("The server is busy.\n");
    expect(recorders.length).toBe(2);
    first.socket.close();
    await recorders[0]!.over;
    await Peer.open(port);
    expect((await Peer.refused(port)).status).toBe(503);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxConnections: 2 });
    expect(wss.counters.connections).toEqual({ opened: 3, closed: 1, leaving: 0 });
  });

  test("a connection whose onTerminate is pending still counts", async () => {
    const { promise, resolve } = deferred();
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage: () => {}, onTerminate: () => promise, onOpen: () => {} }) },
      { port: 0, host: "127.0.0.1", maxConnections: 1 },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    (await Peer.open(port)).socket.terminate();
    await until(() => wss.connections.length === 0);
    expect((await Peer.refused(port)).status).toBe(503);
    resolve();
    await promise;
    await Peer.open(port);
    expect(wss.connections.length).toBe(1);
  });
});

describe("maxConnectionsPerAddress", () => {
  test.each([1, 2, 5])("of %d: all are counted, also those before the limit was near", async (most) => {
    const { wss, port, recorders } = await startServer({}, { maxConnectionsPerAddress: most });
    const peers = [];
    for (let i = 0; i < most; i++) peers.push(await Peer.open(port));
    const refused = await Peer.refused(port);
    expect(refused.status).toBe(429);
    expect(refused.headers["retry-after"]).toBe("1");
    peers[0]!.socket.close();
    await recorders[0]!.over;
    await Peer.open(port);
    expect((await Peer.refused(port)).status).toBe(429);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxConnectionsPerAddress: 2 });
    expect(recorders.length).toBe(most + 1);
  });

  test("a closed connection keeps the place of its address until its handler has settled", async () => {
    const { promise, resolve } = deferred();
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage: () => {}, onTerminate: () => promise }) },
      { port: 0, host: "127.0.0.1", maxConnections: 8, maxConnectionsPerAddress: 3 },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    for (let i = 0; i < 3; i++) (await Peer.open(port)).socket.terminate();
    await until(() => wss.connections.length === 0);
    for (let i = 0; i < 4; i++) expect((await Peer.refused(port)).status).toBe(429);
    for (let i = 0; i < 3; i++) await Peer.open(port, "/", [], { localAddress: "127.0.0.2" });
    expect(wss.counters.connections).toEqual({ opened: 6, closed: 3, leaving: 3 });
    resolve();
    await promise;
    await turn();
    expect(wss.counters.connections.leaving).toBe(0);
    await Peer.open(port);
    expect(wss.counters.limits).toMatchObject({ maxConnections: 0, maxConnectionsPerAddress: 4 });
  });

  test("a connection that is reset while its handler is busy keeps its place", async () => {
    const busy = deferred();
    let messages = 0;
    const onMessage = (): Promise<void> => {
      messages++;
      return busy.promise;
    };
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage }) },
      { port: 0, host: "127.0.0.1", maxConnectionsPerAddress: 3 },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    for (let i = 0; i < 2; i++) {
      const client = await RawClient.connect(port);
      client.write(handshake("/"));
      await client.response();
      client.write(masked(0x81, "stay"));
      await until(() => messages === i + 1);
      // More than is read ahead of a busy handler: the reset is not seen.
      for (let j = 0; j < 40; j++) client.write(masked(0x81, "x".repeat(8_000)));
      await turn();
      client.socket.resetAndDestroy();
    }
    await turn();
    await Peer.open(port);
    expect((await Peer.refused(port)).status).toBe(429);
    busy.resolve();
  });

  test("without a trusted proxy the header does not change a client's address", async () => {
    const { port } = await startServer({}, { maxConnectionsPerAddress: 1 });
    await Peer.open(port, "/", [], by("198.51.100.7"));
    expect((await Peer.refused(port, "/", by("198.51.100.8"))).status).toBe(429);
  });

  test("behind a proxy it is the address from the proxy, not one that the client has put before it", async () => {
    const options = { maxConnectionsPerAddress: 1, trustProxy: "loopback" };
    const { wss, port, recorders } = await startServer({}, options);
    const first = await Peer.open(port, "/", [], by("198.51.100.7"));
    await Peer.open(port, "/", [], by("198.51.100.8"));
    expect((await Peer.refused(port, "/", by("198.51.100.7"))).status).toBe(429);
    expect((await Peer.refused(port, "/", by("198.51.100.9, 198.51.100.7"))).status).toBe(429);
    expect((await Peer.refused(port, "/", by("198.51.100.9", "198.51.100.7:4711"))).status).toBe(429);
    first.socket.terminate();
    await recorders[0]!.over;
    await Peer.open(port, "/", [], by("198.51.100.7"));
    expect(wss.counters.limits.maxConnectionsPerAddress).toBe(3);
  });

  test("all addresses of one IPv6 /64 are one", async () => {
    const { port } = await startServer({}, { maxConnectionsPerAddress: 1, trustProxy: 1 });
    await Peer.open(port, "/", [], by("2001:db8::1"));
    expect((await Peer.refused(port, "/", by("[2001:DB8:0:0:ffff::2]:80"))).status).toBe(429);
    await Peer.open(port, "/", [], by("2001:db8:0:1::1"));
  });
});

test("request.remoteAddress is the address from the trusted proxies, over several headers too", async () => {
  const seen: string[] = [];
  const connection = ({ request }: WSConnectionEvent): void => void seen.push(request.remoteAddress);
  for (const trustProxy of [undefined, 1, 2, "loopback", ["127.0.0.0/8", "198.51.100.0/24"]]) {
    const { port } = await startServer({ connection }, { trustProxy });
    await Peer.open(port, "/", [], by("6.6.6.6, 203.0.113.5", "198.51.100.7"));
  }
  expect(seen).toEqual(["127.0.0.1", "198.51.100.7", "203.0.113.5", "198.51.100.7", "203.0.113.5"]);
});

describe("maxHeaderSize and handshakeTimeout are counted", () => {
  test("headers that are too large, on our own web server", async () => {
    const { wss, port } = await startServer({}, { maxHeaderSize: 1_000 });
    expect((await Peer.refused(port, "/", { headers: { X: "x".repeat(2_000) } })).status).toBe(431);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxHeaderSize: 1 });
  });

  test("and on one of the user's", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const { promise, resolve } = deferred();
    const handler = { onOpen: () => resolve(), onConnection: () => ({ onMessage: () => {} }) };
    const wss = new WebSocketServer(handler, { server, maxHeaderSize: 1_000 });
    await promise;
    expect((await Peer.refused(await portOf(server), "/", { headers: { X: "x".repeat(2_000) } })).status).toBe(431);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxHeaderSize: 1 });
  });

  test("a request that takes too long", async () => {
    const { wss, port } = await startServer({}, { handshakeTimeout: 50 });
    const client = await RawClient.connect(port);
    client.write(handshake().slice(0, -2));
    expect((await client.response()).status).toBe(408);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), handshakeTimeout: 1 });
  });

  test("and an onConnection that takes too long", async () => {
    const never = deferred<null>();
    const handler = { onConnection: () => never.promise };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", handshakeTimeout: 50 });
    onTestFinished(() => wss.terminate(0));
    expect((await Peer.refused(await portOf(wss))).status).toBe(503);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), handshakeTimeout: 1 });
  });
});

describe("JSON beyond its limits", () => {
  const options = { dataType: "object", maxJsonDepth: 3, maxJsonValues: 6 } as const;

  test.each([
    ["[[[[1]]]]", 206, "maxJsonDepth", "JSON too deep"],
    ["[1,2,3,4,5,6]", 207, "maxJsonValues", "JSON has too many values"],
  ])("%s reaches onError, is counted and closes with 1009", async (json, errCode, limit, reason) => {
    const { wss, port, recorders } = await startServer({}, options);
    const peer = await Peer.open(port);
    peer.socket.send(json);
    expect(await peer.closed).toEqual([1009, reason]);
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["error", errCode], ["terminate", 1006, undefined]]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), [limit]: 1 });
  });

  test('with invalidJson "ignore" the message is dropped and reported, and other messages go on', async () => {
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    const done = deferred();
    const handler = {
      onConnection: () => ({
        onMessage(_ws: unknown, { data }: { data: unknown }) {
          seen.push(data);
          if (seen.length === 2) done.resolve();
        },
      }),
      onError: (wss: WebSocketServer, { errors: [{ errCode }], connection }: WSServerErrorEvent) =>
        errors.push([errCode, connection === wss.connections[0]]),
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", ...options, invalidJson: "ignore" });
    onTestFinished(() => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    for (const json of ["[[[1]]]", "[[[[1]]]]", "[1,2,3,4,5,6]", "{", "[1,2,3,4,5]"]) peer.socket.send(json);
    await done.promise;
    expect(seen).toEqual([[[[1]]], [1, 2, 3, 4, 5]]);
    expect(errors).toEqual([
      [206, true],
      [207, true],
      [201, true],
    ]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxJsonDepth: 1, maxJsonValues: 1 });
    expect(wss.connections[0]!.status).toBe("Connected");
  });
});
