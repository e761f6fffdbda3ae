import { describe, expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import type { ReceivedRequest } from "../../src/handshake/request.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import type { CountedAddress } from "../../src/server/address-counts.ts";
import { PendingHandshake } from "../../src/server/pending-handshake.ts";
import { ServerClients } from "../../src/server/server-clients.ts";

const REQUEST: ReceivedRequest = { isGone: false, headers: {}, query: {}, url: "/", remoteAddress: "192.0.2.7" };

function clients(own: Partial<ConstructorParameters<typeof ServerClients>[0]> = {}): ServerClients {
  return new ServerClients({
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    maxHandshakes: Infinity,
    maxHandshakesPerSecond: Infinity,
    limitCounters: newLimitCounters(),
    ...own,
  });
}

function pending(place: unknown): PendingHandshake {
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
    { request: REQUEST, protocols: [], extensions: [], accept: never, refuse: never },
    host,
    place as CountedAddress,
  );
}

/** The status of a refusal; undefined for a client that is admitted. */
function statusOf(answer: CountedAddress | Refusal): number | undefined {
  return answer instanceof Refusal ? answer.status : undefined;
}

describe("the clients of a server", () => {
  test("one that waits for onConnection is counted until that settles", () => {
    const all = clients({ maxHandshakes: 1 });
    const one = pending(all.limiter.admit(REQUEST));
    all.addPending(one);
    expect([all.pendingCount, all.connectedCount]).toEqual([1, 0]);
    expect(all.limiter.checkCapacity()?.status).toBe(503);
    all.removePending(one);
    expect(all.pendingCount).toBe(0);
    expect(all.limiter.checkCapacity()).toBeUndefined();
  });

  test("its address has its place for the same time, and gives it back once", () => {
    const all = clients({ maxConnectionsPerAddress: 2 });
    const [one, two] = [pending(all.limiter.admit(REQUEST)), pending(all.limiter.admit(REQUEST))];
    all.addPending(one);
    all.addPending(two);
    expect(statusOf(all.limiter.admit(REQUEST))).toBe(429);
    expect(statusOf(all.limiter.admit({ ...REQUEST, remoteAddress: "192.0.2.8" }))).toBeUndefined();
    for (let i = 0; i < 3; i++) all.removePending(one);
    expect(statusOf(all.limiter.admit(REQUEST))).toBeUndefined();
    expect(statusOf(all.limiter.admit(REQUEST))).toBe(429);
  });

  test("a closed connection keeps its place, and that of its address, until its handler has finished", () => {
    const all = clients({ maxConnectionsPerAddress: 1, maxConnections: 1 });
    const place = all.limiter.admit(REQUEST) as CountedAddress;
    const one = pending(place);
    all.addPending(one);
    all.removePending(one);
    const connection = { publicConnection: { id: 1 }, place: undefined } as unknown as Connection;
    all.addConnection(connection, place);
    all.removeConnection(connection);
    expect([all.connectedCount, all.connections.size, place.places]).toEqual([1, 0, 1]);
    expect(statusOf(all.limiter.admit(REQUEST))).toBe(429);
    for (let i = 0; i < 3; i++) all.removeFinished(connection);
    expect([all.connectedCount, place.places]).toEqual([0, 0]);
    expect(statusOf(all.limiter.admit(REQUEST))).toBeUndefined();
  });
});
