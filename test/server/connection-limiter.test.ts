import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import type { Refusal } from "../../src/handshake/refusal.ts";
import type { ConnectionRequest } from "../../src/handshake/request.ts";
import {
  type Client,
  type ClientSource,
  ConnectionLimiter,
  type ConnectionLimits,
} from "../../src/server/connection-limiter.ts";

/** The clock of the rate, in milliseconds: the test moves it. */
let now = 0;

beforeEach(() => {
  now = 5_000;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
});

/** The connections, set by the test. */
class FakeClients implements ClientSource {
  pendingCount = 0;
  /** Whether all addresses were read. */
  listed = 0;
  readonly all: Client[] = [];

  get connectedCount(): number {
    return this.all.length;
  }

  clients(): Iterable<Client> {
    this.listed++;
    return this.all;
  }
}

function limiterOf(own: Partial<ConnectionLimits>): {
  limiter: ConnectionLimiter;
  clients: FakeClients;
  limitCounters: ConnectionLimits["limitCounters"];
} {
  const clients = new FakeClients();
  const limitCounters = newLimitCounters();
  const settings = {
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    maxHandshakes: Infinity,
    maxHandshakesPerSecond: Infinity,
    forwarded: false,
    limitCounters,
    ...own,
  };
  return { limiter: new ConnectionLimiter(settings, clients), clients, limitCounters };
}

/** A client at this address, and its request. */
function from(remoteAddress: string): ConnectionRequest {
  return { remoteAddress, headers: {}, query: {}, url: "/" };
}

/** A client whose address must not be read. */
const UNASKED = {
  get remoteAddress(): string {
    throw new Error("asked for an address");
  },
} as ConnectionRequest;

/** The response to a client. */
function told(refusal: Refusal | undefined): unknown[] {
  return [refusal?.status, refusal?.headers];
}

const BUSY = [503, { "Retry-After": "1" }];

describe("connections in all", () => {
  test("there may be maxConnections, and pending handshakes count too", () => {
    const { limiter, clients, limitCounters } = limiterOf({ maxConnections: 3 });
    clients.all.push(from("192.0.2.1"));
    clients.pendingCount = 1;
    expect(limiter.checkCapacity()).toBeUndefined();
    clients.pendingCount = 2;
    expect(told(limiter.checkCapacity())).toEqual(BUSY);
    clients.all.push(from("192.0.2.1"), from("192.0.2.2"));
    clients.pendingCount = 0;
    expect(told(limiter.checkCapacity())).toEqual(BUSY);
    clients.all.pop();
    expect(limiter.checkCapacity()).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnections: 2 });
  });
});

describe("handshakes in progress", () => {
  test("there may be maxHandshakes, however many are connected", () => {
    const { limiter, clients, limitCounters } = limiterOf({ maxHandshakes: 2 });
    clients.all.push(from("192.0.2.1"), from("192.0.2.1"));
    clients.pendingCount = 1;
    expect(limiter.checkCapacity()).toBeUndefined();
    clients.pendingCount = 2;
    expect(told(limiter.checkCapacity())).toEqual(BUSY);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1 });
  });
});

describe("handshakes in a second", () => {
  test("those of one second may come at once, then more with time", () => {
    const { limiter, limitCounters } = limiterOf({ maxHandshakesPerSecond: 4 });
    const burst = Array.from({ length: 6 }, () => limiter.checkClient(UNASKED));
    expect(burst.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(burst.slice(4).map(told)).toEqual([BUSY, BUSY]);
    now += 250;
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
    expect(told(limiter.checkClient(UNASKED))).toEqual(BUSY);
    now += 3_600_000;
    const later = Array.from({ length: 5 }, () => limiter.checkClient(UNASKED));
    expect(later.map((one) => one === undefined)).toEqual([true, true, true, true, false]);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakesPerSecond: 4 });
  });

  test("refused clients do not lengthen the wait of others", () => {
    const { limiter } = limiterOf({ maxHandshakesPerSecond: 1 });
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
    for (let i = 0; i < 1_000; i++) expect(told(limiter.checkClient(UNASKED))).toEqual(BUSY);
    now += 1_000;
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
  });

  test("a client that is refused for another reason is not counted", () => {
    const { limiter, clients, limitCounters } = limiterOf({
      maxHandshakesPerSecond: 1,
      maxHandshakes: 1,
      maxConnections: 5,
    });
    clients.pendingCount = 1;
    expect(told(limiter.checkCapacity())).toEqual(BUSY);
    clients.pendingCount = 9;
    expect(told(limiter.checkCapacity())).toEqual(BUSY);
    clients.pendingCount = 0;
    expect(limiter.checkCapacity()).toBeUndefined();
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1, maxConnections: 1 });
  });

  test("nor is a client whose address has too many connections", () => {
    const { limiter, clients } = limiterOf({ maxHandshakesPerSecond: 1, maxConnectionsPerAddress: 1 });
    const [full, other] = [from("192.0.2.1"), from("192.0.2.2")];
    clients.all.push(full);
    for (let i = 0; i < 3; i++) expect(limiter.checkClient(full)?.status).toBe(429);
    expect(limiter.checkClient(other)).toBeUndefined();
    expect(limiter.checkClient(other)?.status).toBe(503);
  });
});

describe("connections of one address", () => {
  test("no address is read before there are maxConnectionsPerAddress connections", () => {
    const { limiter, clients } = limiterOf({ maxConnectionsPerAddress: 3 });
    for (let i = 0; i < 2; i++) {
      expect(limiter.checkClient(UNASKED)).toBeUndefined();
      limiter.add(UNASKED, UNASKED);
      clients.all.push(from("192.0.2.1"));
    }
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
    limiter.remove(UNASKED);
    expect(clients.listed).toBe(0);
    // The new client counts too.
    clients.pendingCount = 1;
    expect(() => limiter.checkClient(UNASKED)).toThrow("asked for an address");
    expect(clients.listed).toBe(1);
  });

  test("earlier connections are counted too, once", () => {
    const { limiter, clients, limitCounters } = limiterOf({ maxConnectionsPerAddress: 3 });
    const [first, third] = [from("192.0.2.1"), from("192.0.2.1")];
    clients.all.push(first, from("192.0.2.1"), from("192.0.2.2"));
    expect(limiter.checkClient(third)).toBeUndefined();
    limiter.add(third, third);
    clients.all.push(third);
    expect(told(limiter.checkClient(from("192.0.2.1")))).toEqual([429, { "Retry-After": "1" }]);
    expect(limiter.checkClient(from("192.0.2.2"))).toBeUndefined();
    expect(clients.listed).toBe(1);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnectionsPerAddress: 1 });
    limiter.remove(first);
    expect(limiter.checkClient(from("192.0.2.1"))).toBeUndefined();
  });

  test("it goes on when there are fewer again", () => {
    const { limiter, clients } = limiterOf({ maxConnectionsPerAddress: 1 });
    const one = from("192.0.2.1");
    clients.all.push(one);
    expect(limiter.checkClient(from("192.0.2.1"))?.status).toBe(429);
    clients.all.pop();
    limiter.remove(one);
    expect(limiter.checkClient(from("192.0.2.1"))).toBeUndefined();
    limiter.add(from("192.0.2.1"), from("192.0.2.1"));
    expect(limiter.checkClient(from("192.0.2.1"))?.status).toBe(429);
    expect(clients.listed).toBe(1);
  });

  test("an IPv6 address is a /64; a pipe has none, so it is not limited", () => {
    const { limiter, clients } = limiterOf({ maxConnectionsPerAddress: 1 });
    clients.all.push(from("2001:db8::1"), from(""));
    expect(limiter.checkClient(from("2001:DB8:0:0:ffff::"))?.status).toBe(429);
    expect(limiter.checkClient(from("2001:db8:0:1::"))).toBeUndefined();
    limiter.add(from(""), from(""));
    expect(limiter.checkClient(from(""))).toBeUndefined();
  });

  test("behind proxies it counts from the first client on, because the socket has only the proxy's address", () => {
    const { limiter, clients } = limiterOf({ maxConnectionsPerAddress: 3, forwarded: true });
    const sockets = ["10.0.0.1", "10.0.0.1", "10.0.0.2"].map(from);
    for (const socket of sockets) {
      expect(limiter.checkClient(from("192.0.2.1"))).toBeUndefined();
      limiter.add(socket, from("192.0.2.1"));
      clients.all.push(socket);
    }
    expect(limiter.checkClient(from("192.0.2.1"))?.status).toBe(429);
    expect(limiter.checkClient(from("10.0.0.1"))).toBeUndefined();
    limiter.remove(sockets[0]!);
    expect(limiter.checkClient(from("192.0.2.1"))).toBeUndefined();
    limiter.add(sockets[0]!, from("192.0.2.1"));
    expect(limiter.checkClient(from("192.0.2.1"))?.status).toBe(429);
    expect(clients.listed).toBe(0);
  });

  test.each([true, false])("without a limit no client is counted (behind proxies: %s)", (forwarded) => {
    const { limiter, clients } = limiterOf({ forwarded });
    clients.all.push(from("192.0.2.1"));
    limiter.add(UNASKED, UNASKED);
    expect(limiter.checkClient(UNASKED)).toBeUndefined();
    limiter.remove(UNASKED);
    expect(clients.listed).toBe(0);
  });
});
