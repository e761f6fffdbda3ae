import { describe, expect, onTestFinished, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import type { CountedAddress } from "../../src/server/address-counts.ts";
import { PendingHandshake } from "../../src/server/pending-handshake.ts";
import { Advice } from "../../src/server/advice.ts";
import { ServerClients } from "../../src/server/server-clients.ts";
import { Wire } from "../support/wire.ts";
import { connectionRequest } from "../support/connection-request.ts";

const REQUEST = connectionRequest({ remoteAddress: "192.0.2.7" });

function clients(own: Partial<ConstructorParameters<typeof ServerClients>[0]> = {}): ServerClients {
  const settings = {
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    maxHandshakes: Infinity,
    maxHandshakesPerSecond: Infinity,
    maxTopicsPerConnection: Infinity,
    history: undefined,
    backplane: undefined,
    maxHistoryMemory: Infinity,
    highWaterMark: Infinity,
    maxSendQueue: Infinity,
    maxTotalSendQueue: Infinity,
    maxMessageSize: Infinity,
    publishTimeout: Infinity,
    maxBackplaneQueue: Infinity,
    limitCounters: newLimitCounters(),
    ...own,
  };
  return new ServerClients(settings, {
    isTerminated: false,
    dispatchError: () => undefined,
    dispatchBackplane: () => undefined,
    dispatchPresence: () => undefined,
  });
}

/** How many handshakes were refused. */
let refused = 0;

function pending(place: unknown): PendingHandshake {
  const never = (): never => {
    throw new Error("not asked yet");
  };
  const host = {
    protocols: [],
    advice: new Advice(),
    handshakeTimeout: 60_000,
    agreeOnCompression: () => undefined,
    callOnConnection: () => new Promise(() => undefined),
    onAccepted: never,
    onTooLate: never,
    onCallPending: () => undefined,
    onCallEnded: () => undefined,
    refuse: () => {
      refused++;
    },
    onHandshakeTimeout: never,
    onHandshakeError: never,
    onAnsweredByOther: never,
  };
  return new PendingHandshake(
    { stream: new Wire(), request: REQUEST, protocols: [], extensions: [], accept: never, refuse: never },
    host,
    place as CountedAddress,
  );
}

/** The status of a refusal; undefined for a client that is admitted. */
function statusOf(answer: CountedAddress | Refusal | undefined): number | undefined {
  return answer instanceof Refusal ? answer.status : undefined;
}

describe("the clients of a server", () => {
  test("one that waits for onConnection is counted until that settles", () => {
    const all = clients({ maxHandshakes: 1 });
    const one = pending(all.limiter.admit(REQUEST));
    all.addPending(one);
    expect([all.pendingCount, all.size]).toEqual([1, 0]);
    expect(all.limiter.checkCapacity(() => REQUEST.remoteAddress)?.status).toBe(503);
    all.removePending(one);
    expect(all.pendingCount).toBe(0);
    expect(all.limiter.checkCapacity(() => REQUEST.remoteAddress)).toBeUndefined();
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
    all.removeConnection(connection, { type: "terminate", code: 1000 } as never);
    expect([all.size, all.connections.size, place.places]).toEqual([1, 0, 1]);
    expect(statusOf(all.limiter.admit(REQUEST))).toBe(429);
    for (let i = 0; i < 3; i++) all.removeFinished(connection);
    expect([all.size, place.places]).toEqual([0, 0]);
    expect(statusOf(all.limiter.admit(REQUEST))).toBeUndefined();
  });

  test("a connection whose client had gone before it could open has its places until its handler has finished", () => {
    const all = clients({ maxConnectionsPerAddress: 1 });
    const place = all.limiter.admit(REQUEST) as CountedAddress;
    all.limiter.release(place);
    const connection = { publicConnection: { id: 1 }, place: undefined } as unknown as Connection;
    all.addClosed(connection, place);
    all.removeConnection(connection, { type: "terminate", code: 1000 } as never);
    expect([all.size, all.connections.size, place.places, [...all.values()]]).toEqual([1, 0, 1, [{ id: 1 }]]);
    all.removeFinished(connection);
    expect([all.size, place.places, [...all.values()]]).toEqual([0, 0, []]);
  });

  describe("when handshakes have all places", () => {
    /** Clients of two addresses, of which one has this many handshakes, and the other the rest of 16. */
    function full(first: number): {
      all: ServerClients;
      others: PendingHandshake[];
      limits: { maxHandshakes: number };
    } {
      const limitCounters = newLimitCounters();
      const all = clients({ maxHandshakes: 16, limitCounters });
      const others = Array.from({ length: 16 }, (_, i) => {
        const remoteAddress = i < first ? "192.0.2.7" : `198.51.100.${String(i)}`;
        return pending(all.limiter.admit({ ...REQUEST, remoteAddress }));
      });
      for (const one of others) {
        all.addPending(one);
        one.start(() => all.removePending(one));
      }
      onTestFinished(() => {
        for (const one of all.pending) one.refuse(new Refusal(503, ""));
        for (const one of others) one.endCall();
      });
      refused = 0;
      return { all, others, limits: limitCounters };
    }

    test("an address with more than its share loses its oldest to a client of another address that is admitted", () => {
      const { all, others, limits } = full(3);
      expect([all.limiter.checkCapacity(() => "192.0.2.9"), refused, all.pendingCount]).toEqual([undefined, 0, 16]);
      expect(statusOf(all.limiter.admit({ ...REQUEST, remoteAddress: "192.0.2.9" }))).toBeUndefined();
      expect([refused, all.pending.has(others[0]!), all.pendingCount, limits.maxHandshakes]).toEqual([1, false, 15, 0]);
    });

    test("but not for one that has its share itself", () => {
      const { all, limits } = full(3);
      expect(all.limiter.checkCapacity(() => "192.0.2.7")?.status).toBe(503);
      expect([refused, all.pendingCount, limits.maxHandshakes]).toEqual([0, 16, 1]);
    });

    test("and an address within its share keeps all", () => {
      const { all, limits } = full(2);
      expect(all.limiter.checkCapacity(() => "192.0.2.9")?.status).toBe(503);
      expect([refused, all.pendingCount, limits.maxHandshakes]).toEqual([0, 16, 1]);
    });
  });
});
