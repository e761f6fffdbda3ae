import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { newLimitCounters } from "../../src/connection/counters/limit-counters.ts";
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

/** Who is there: the test says so. */
class People implements ClientSource {
  pendingCount = 0;
  /** Whether anybody has asked for all addresses. */
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

function gateOf(own: Partial<ConnectionLimits>): {
  gate: ConnectionLimiter;
  people: People;
  limitCounters: ConnectionLimits["limitCounters"];
} {
  const people = new People();
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
  return { gate: new ConnectionLimiter(settings, people), people, limitCounters };
}

/** A client at this address, and his request. */
function from(remoteAddress: string): ConnectionRequest {
  return { remoteAddress, headers: {}, query: {}, url: "/" };
}

/** A client of whom nobody may ask the address. */
const UNASKED = {
  get remoteAddress(): string {
    throw new Error("asked for an address");
  },
} as ConnectionRequest;

/** What a client is told. */
function told(refusal: Refusal | undefined): unknown[] {
  return [refusal?.status, refusal?.headers];
}

const BUSY = [503, { "Retry-After": "1" }];

describe("connections in all", () => {
  test("there may be maxConnections, and those who wait for an answer are counted with them", () => {
    const { gate, people, limitCounters } = gateOf({ maxConnections: 3 });
    people.all.push(from("192.0.2.1"));
    people.pendingCount = 1;
    expect(gate.refusal()).toBeUndefined();
    people.pendingCount = 2;
    expect(told(gate.refusal())).toEqual(BUSY);
    people.all.push(from("192.0.2.1"), from("192.0.2.2"));
    people.pendingCount = 0;
    expect(told(gate.refusal())).toEqual(BUSY);
    people.all.pop();
    expect(gate.refusal()).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnections: 2 });
  });
});

describe("handshakes in progress", () => {
  test("there may be maxHandshakes, however many are connected", () => {
    const { gate, people, limitCounters } = gateOf({ maxHandshakes: 2 });
    people.all.push(from("192.0.2.1"), from("192.0.2.1"));
    people.pendingCount = 1;
    expect(gate.refusal()).toBeUndefined();
    people.pendingCount = 2;
    expect(told(gate.refusal())).toEqual(BUSY);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1 });
  });
});

describe("handshakes in a second", () => {
  test("a second's worth may come at once, then as many as time brings", () => {
    const { gate, limitCounters } = gateOf({ maxHandshakesPerSecond: 4 });
    const burst = Array.from({ length: 6 }, () => gate.refusalFor(UNASKED));
    expect(burst.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(burst.slice(4).map(told)).toEqual([BUSY, BUSY]);
    now += 250;
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
    expect(told(gate.refusalFor(UNASKED))).toEqual(BUSY);
    now += 3_600_000;
    const later = Array.from({ length: 5 }, () => gate.refusalFor(UNASKED));
    expect(later.map((one) => one === undefined)).toEqual([true, true, true, true, false]);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakesPerSecond: 4 });
  });

  test("those who are refused do not lengthen the others' wait", () => {
    const { gate } = gateOf({ maxHandshakesPerSecond: 1 });
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
    for (let i = 0; i < 1_000; i++) expect(told(gate.refusalFor(UNASKED))).toEqual(BUSY);
    now += 1_000;
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
  });

  test("who is refused for another reason is not counted", () => {
    const { gate, people, limitCounters } = gateOf({ maxHandshakesPerSecond: 1, maxHandshakes: 1, maxConnections: 5 });
    people.pendingCount = 1;
    expect(told(gate.refusal())).toEqual(BUSY);
    people.pendingCount = 9;
    expect(told(gate.refusal())).toEqual(BUSY);
    people.pendingCount = 0;
    expect(gate.refusal()).toBeUndefined();
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1, maxConnections: 1 });
  });

  test("nor is the rate spent on an address that has too many connections", () => {
    const { gate, people } = gateOf({ maxHandshakesPerSecond: 1, maxConnectionsPerAddress: 1 });
    const [full, other] = [from("192.0.2.1"), from("192.0.2.2")];
    people.all.push(full);
    for (let i = 0; i < 3; i++) expect(gate.refusalFor(full)?.status).toBe(429);
    expect(gate.refusalFor(other)).toBeUndefined();
    expect(gate.refusalFor(other)?.status).toBe(503);
  });
});

describe("connections of one address", () => {
  test("nobody asks for an address before there are as many as one may have", () => {
    const { gate, people } = gateOf({ maxConnectionsPerAddress: 3 });
    for (let i = 0; i < 2; i++) {
      expect(gate.refusalFor(UNASKED)).toBeUndefined();
      gate.add(UNASKED, UNASKED);
      people.all.push(from("192.0.2.1"));
    }
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
    gate.remove(UNASKED);
    expect(people.listed).toBe(0);
    // One who asks is one of them.
    people.pendingCount = 1;
    expect(() => gate.refusalFor(UNASKED)).toThrow("asked for an address");
    expect(people.listed).toBe(1);
  });

  test("those who were there before it began are counted too, once", () => {
    const { gate, people, limitCounters } = gateOf({ maxConnectionsPerAddress: 3 });
    const [first, third] = [from("192.0.2.1"), from("192.0.2.1")];
    people.all.push(first, from("192.0.2.1"), from("192.0.2.2"));
    expect(gate.refusalFor(third)).toBeUndefined();
    gate.add(third, third);
    people.all.push(third);
    expect(told(gate.refusalFor(from("192.0.2.1")))).toEqual([429, { "Retry-After": "1" }]);
    expect(gate.refusalFor(from("192.0.2.2"))).toBeUndefined();
    expect(people.listed).toBe(1);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnectionsPerAddress: 1 });
    gate.remove(first);
    expect(gate.refusalFor(from("192.0.2.1"))).toBeUndefined();
  });

  test("it goes on when there are fewer again", () => {
    const { gate, people } = gateOf({ maxConnectionsPerAddress: 1 });
    const one = from("192.0.2.1");
    people.all.push(one);
    expect(gate.refusalFor(from("192.0.2.1"))?.status).toBe(429);
    people.all.pop();
    gate.remove(one);
    expect(gate.refusalFor(from("192.0.2.1"))).toBeUndefined();
    gate.add(from("192.0.2.1"), from("192.0.2.1"));
    expect(gate.refusalFor(from("192.0.2.1"))?.status).toBe(429);
    expect(people.listed).toBe(1);
  });

  test("of IPv6 it is a /64; a pipe has none, so it is not limited", () => {
    const { gate, people } = gateOf({ maxConnectionsPerAddress: 1 });
    people.all.push(from("2001:db8::1"), from(""));
    expect(gate.refusalFor(from("2001:DB8:0:0:ffff::"))?.status).toBe(429);
    expect(gate.refusalFor(from("2001:db8:0:1::"))).toBeUndefined();
    gate.add(from(""), from(""));
    expect(gate.refusalFor(from(""))).toBeUndefined();
  });

  test("behind proxies it is counted from the first on, for no socket knows whom a proxy has named", () => {
    const { gate, people } = gateOf({ maxConnectionsPerAddress: 3, forwarded: true });
    const sockets = ["10.0.0.1", "10.0.0.1", "10.0.0.2"].map(from);
    for (const socket of sockets) {
      expect(gate.refusalFor(from("192.0.2.1"))).toBeUndefined();
      gate.add(socket, from("192.0.2.1"));
      people.all.push(socket);
    }
    expect(gate.refusalFor(from("192.0.2.1"))?.status).toBe(429);
    expect(gate.refusalFor(from("10.0.0.1"))).toBeUndefined();
    gate.remove(sockets[0]!);
    expect(gate.refusalFor(from("192.0.2.1"))).toBeUndefined();
    gate.add(sockets[0]!, from("192.0.2.1"));
    expect(gate.refusalFor(from("192.0.2.1"))?.status).toBe(429);
    expect(people.listed).toBe(0);
  });

  test.each([true, false])("without a limit nobody is counted (behind proxies: %s)", (forwarded) => {
    const { gate, people } = gateOf({ forwarded });
    people.all.push(from("192.0.2.1"));
    gate.add(UNASKED, UNASKED);
    expect(gate.refusalFor(UNASKED)).toBeUndefined();
    gate.remove(UNASKED);
    expect(people.listed).toBe(0);
  });
});
