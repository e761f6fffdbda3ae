import { EventEmitter, once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:https";
import { Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { markClaimed } from "../../src/server/claimed-socket.ts";
import { PendingSockets } from "../../src/server/pending-sockets.ts";
import { certificate } from "../support/certificate.ts";
import { portOf, until } from "../support/peer.ts";
import { RawClient } from "../support/raw-client.ts";

function pendingSocketsOf(maxHandshakes: number): {
  pending: PendingSockets;
  limitCounters: { maxHandshakes: number };
  cuts: () => number;
  come: () => Duplex;
} {
  const limitCounters = { maxHandshakes: 0 };
  let cuts = 0;
  const pending = new PendingSockets({ maxHandshakes, limitCounters }, () => {
    cuts++;
  });
  const come = (): Duplex => {
    const socket = new PassThrough();
    pending.add(socket);
    return socket;
  };
  return { pending, limitCounters, cuts: () => cuts, come };
}

describe("the sockets without a request", () => {
  test("destroys the oldest one when there are too many", () => {
    const { limitCounters, cuts, come } = pendingSocketsOf(2);
    const sockets = [come(), come(), come(), come()];
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false]);
    expect([limitCounters.maxHandshakes, cuts()]).toEqual([2, 2]);
  });

  test("forgets an upgraded one: it is not destroyed, and has none of its listeners any more", () => {
    const { pending, limitCounters, come } = pendingSocketsOf(1);
    const first = come();
    pending.remove(first);
    const second = come();
    expect([first.destroyed, second.destroyed, limitCounters.maxHandshakes]).toEqual([false, false, 0]);
    expect(first.listenerCount("close")).toBe(new PassThrough().listenerCount("close"));
    pending.remove(first);
  });

  test("forgets one that another server on this web server has taken, and never destroys it", () => {
    const { pending, limitCounters, come } = pendingSocketsOf(2);
    const taken = come();
    markClaimed(taken);
    const [second, third] = [come(), come()];
    expect([taken, second, third].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    markClaimed(third);
    pending.close();
    expect([taken, second, third].map(({ destroyed }) => destroyed)).toEqual([false, true, false]);
    expect(limitCounters.maxHandshakes).toBe(0);
  });

  test("forgets a closed one", async () => {
    const { limitCounters, come } = pendingSocketsOf(1);
    for (let i = 0; i < 1000; i++) {
      const socket = come();
      socket.destroy();
      await once(socket, "close");
    }
    expect(limitCounters.maxHandshakes).toBe(0);
  });

  test("accepts ten thousand, and keeps as many as the limit", () => {
    const { limitCounters, come } = pendingSocketsOf(100);
    const sockets = Array.from({ length: 10_000 }, come);
    expect(sockets.filter(({ destroyed }) => !destroyed)).toEqual(sockets.slice(-100));
    expect(limitCounters.maxHandshakes).toBe(9_900);
  });
});

describe("the watched web server", () => {
  /** A web server without listeners, and the pending sockets that watch it. */
  function watched(maxHandshakes: number, secure: boolean) {
    const { pending, limitCounters } = pendingSocketsOf(maxHandshakes);
    const server = new EventEmitter();
    pending.watch(server as unknown as Server, secure);
    const connect = (): Socket => {
      const socket = new Socket();
      server.emit("connection", socket);
      return socket;
    };
    /** Ends a TLS handshake. `below`: the TCP socket that the TLS socket names. */
    const secured = (below: unknown): Duplex => {
      const socket = Object.assign(new PassThrough(), { _parent: below });
      server.emit("secureConnection", socket);
      return socket;
    };
    return { pending, limitCounters, server, connect, secured };
  }

  test("adds the sockets of its connection event, and without TLS no others", () => {
    const { limitCounters, connect, secured } = watched(1, false);
    const sockets = [connect(), secured(undefined), connect(), secured(undefined)];
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false, false]);
    expect(limitCounters.maxHandshakes).toBe(1);
  });

  test("over TLS adds a socket that has only connected: it may never finish its handshake", () => {
    const { limitCounters, connect } = watched(2, true);
    const sockets = [connect(), connect(), connect()];
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    expect(limitCounters.maxHandshakes).toBe(1);
  });

  test("over TLS replaces the TCP socket with the TLS socket: they are one client", () => {
    const { limitCounters, connect, secured } = watched(1, true);
    const below = connect();
    const above = secured(below);
    expect([below.destroyed, above.destroyed, limitCounters.maxHandshakes]).toEqual([false, false, 0]);
    expect(below.listenerCount("close")).toBe(new Socket().listenerCount("close"));
    const next = connect();
    expect([above.destroyed, next.destroyed, limitCounters.maxHandshakes]).toEqual([true, false, 1]);
  });

  test("over TLS destroys no accepted client, however many come after it", () => {
    const { pending, connect, secured } = watched(1, true);
    const below = connect();
    const above = secured(below);
    pending.remove(above);
    for (let i = 0; i < 10; i++) connect();
    expect([below.destroyed, above.destroyed]).toEqual([false, false]);
  });

  test.each([undefined, null, {}, new PassThrough()])(
    "over TLS destroys no accepted client when Node does not name the TCP socket, but %o",
    (nothing) => {
      const { pending, server, connect, secured } = watched(2, true);
      const below = connect();
      const above = secured(nothing);
      pending.remove(above);
      // From here on only sockets with a finished TLS handshake are added.
      expect(server.listenerCount("connection")).toBe(0);
      const others = Array.from({ length: 10 }, () => [connect(), secured(nothing)]).flat();
      expect([below.destroyed, above.destroyed]).toEqual([false, false]);
      expect(others.filter((socket) => socket instanceof Socket && socket.destroyed)).toEqual([]);
    },
  );

  test("when it is closed destroys the pending sockets, and does not touch accepted clients", () => {
    const { pending, limitCounters, connect, secured } = watched(10, true);
    const [letIn, below] = [connect(), connect()];
    pending.remove(letIn);
    const above = secured(below);
    const others = [connect(), connect(), above];
    pending.close();
    expect(others.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
    expect([letIn.destroyed, limitCounters.maxHandshakes]).toEqual([false, 0]);
  });
});

describe("a web server with TLS", () => {
  /** A listening one, with at most this many pending sockets, and a record of its events. */
  async function listening(maxHandshakes: number) {
    const { pending, limitCounters } = pendingSocketsOf(maxHandshakes);
    const server = createServer(certificate);
    pending.watch(server, true);
    const seen: { raw: Socket[]; secure: Duplex[] } = { raw: [], secure: [] };
    server.on("connection", (socket: Socket) => seen.raw.push(socket));
    server.on("secureConnection", (socket: Duplex) => seen.secure.push(socket));
    onTestFinished(() => {
      pending.close();
      server.closeAllConnections();
      for (const socket of [...seen.raw, ...seen.secure]) socket.destroy();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    return { pending, limitCounters, seen, port: await portOf(server) };
  }

  test("accepts a client in place of one that only connects", async () => {
    const { limitCounters, seen, port } = await listening(1);
    const silent = await RawClient.connect(port);
    await until(() => seen.raw.length === 1);
    await RawClient.connectTls(port, certificate.cert);
    await until(() => seen.secure.length === 1);
    expect((await silent.rest()).length).toBe(0);
    expect(seen.raw.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    expect([seen.secure[0]?.destroyed, limitCounters.maxHandshakes]).toEqual([false, 1]);
  });

  test("counts a client once: its socket with TLS", async () => {
    const { pending, limitCounters, seen, port } = await listening(1);
    for (let i = 1; i <= 5; i++) {
      await RawClient.connectTls(port, certificate.cert);
      await until(() => seen.secure.length === i);
      pending.remove(seen.secure[i - 1]!);
    }
    expect(limitCounters.maxHandshakes).toBe(0);
    expect([...seen.raw, ...seen.secure].filter(({ destroyed }) => destroyed)).toEqual([]);
  });

  test("closes all that have not finished their TLS handshake", async () => {
    const { pending, seen, port } = await listening(10);
    const silent = await RawClient.connect(port);
    const halfway = await RawClient.connect(port);
    // The first bytes of a ClientHello, and no more.
    halfway.write([0x16, 3, 1, 2, 0, 1, 0]);
    await until(() => seen.raw.length === 2);
    pending.close();
    for (const client of [silent, halfway]) expect((await client.rest()).length).toBe(0);
  });
});
