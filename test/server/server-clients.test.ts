import { describe, expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import type { ConnectionRequest } from "../../src/handshake/request.ts";
import { PendingHandshake } from "../../src/server/pending-handshake.ts";
import { ServerClients } from "../../src/server/server-clients.ts";
import { Wire } from "../support/wire.ts";

const REQUEST: ConnectionRequest = { headers: {}, query: {}, url: "/", remoteAddress: "192.0.2.7" };

function clients(own: Partial<ConstructorParameters<typeof ServerClients>[0]> = {}): ServerClients {
  return new ServerClients({
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    maxHandshakes: Infinity,
    maxHandshakesPerSecond: Infinity,
    forwarded: false,
    limitCounters: newLimitCounters(),
    ...own,
  });
}

function pending(): PendingHandshake {
  const request = { ...REQUEST, captureAddress: () => undefined };
  const never = (): never => {
    throw new Error("not asked yet");
  };
  const host = {
    handshakeTimeout: 1,
    callOnConnection: never,
    onAccepted: never,
    onHandshakeTimeout: never,
    onHandshakeError: never,
  };
  return new PendingHandshake(
    { stream: new Wire(), request, protocols: [], extensions: [], accept: never, refuse: never },
    host,
  );
}

describe("the clients of a server", () => {
  test("one that waits for onConnection is counted until that settles", () => {
    const all = clients({ maxHandshakes: 1 });
    const one = pending();
    all.addPending(one, REQUEST);
    expect([all.pendingCount, all.connectedCount, [...all.clients()]]).toEqual([1, 0, [one]]);
    expect(all.limiter.checkCapacity()?.status).toBe(503);
    all.removePending(one);
    expect([all.pendingCount, [...all.clients()]]).toEqual([0, []]);
    expect(all.limiter.checkCapacity()).toBeUndefined();
  });

  test("its address counts for the same time", () => {
    const all = clients({ maxConnectionsPerAddress: 1 });
    const one = pending();
    expect(all.limiter.checkClient(REQUEST)).toBeUndefined();
    all.addPending(one, REQUEST);
    expect(all.limiter.checkClient(REQUEST)?.status).toBe(429);
    expect(all.limiter.checkClient({ ...REQUEST, remoteAddress: "192.0.2.8" })).toBeUndefined();
    all.removePending(one);
    expect(all.limiter.checkClient(REQUEST)).toBeUndefined();
  });
});
