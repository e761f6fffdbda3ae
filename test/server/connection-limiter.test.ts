import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import type { ReceivedRequest } from "../../src/handshake/request.ts";
import type { CountedAddress } from "../../src/server/address-counts.ts";
import { ConnectionLimiter, type ConnectionLimits } from "../../src/server/connection-limiter.ts";
import { connectionRequest } from "../support/connection-request.ts";

/** The clock of the rate, in milliseconds: the test moves it. */
let now = 0;

beforeEach(() => {
  now = 5_000;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
});

/** The number of clients, set by the test. */
interface FakeCounts {
  size: number;
  pendingCount: number;
  /** Whether there is a place for one more handshake. */
  hasPlace: boolean;
  /** How often a place was freed. */
  freed: number;
  hasPlaceFor(): boolean;
  freePlaceFor(): boolean;
}

function limiterOf(own: Partial<ConnectionLimits>): {
  limiter: ConnectionLimiter;
  counts: FakeCounts;
  limitCounters: ConnectionLimits["limitCounters"];
} {
  const counts: FakeCounts = {
    size: 0,
    pendingCount: 0,
    hasPlace: true,
    freed: 0,
    hasPlaceFor: () => counts.hasPlace,
    freePlaceFor: () => {
      counts.freed++;
      return counts.hasPlace;
    },
  };
  const limitCounters = newLimitCounters();
  const settings = {
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    maxHandshakes: Infinity,
    maxHandshakesPerSecond: Infinity,
    limitCounters,
    ...own,
  };
  return { limiter: new ConnectionLimiter(settings, counts), counts, limitCounters };
}

/** The request of a client at this address. */
function from(remoteAddress: string, isGone = false): ReceivedRequest {
  return connectionRequest({ remoteAddress, isGone });
}

/** The place of an admitted client. */
function admitted(answer: CountedAddress | Refusal | undefined): CountedAddress {
  if (answer === undefined) throw new Error("it has gone");
  if (answer instanceof Refusal) throw new Error(`refused with ${String(answer.status)}`);
  return answer;
}

/** The status of a refusal; undefined for a client that is admitted. */
function statusOf(answer: CountedAddress | Refusal | undefined): number | undefined {
  return answer instanceof Refusal ? answer.status : undefined;
}

/** The response to a client. */
function told(answer: CountedAddress | Refusal | undefined): unknown[] {
  return answer instanceof Refusal ? [answer.status, answer.headers] : [undefined, undefined];
}

const BUSY = [503, { "Retry-After": "1" }];

describe("connections in all", () => {
  test("there may be maxConnections, and pending handshakes count too", () => {
    const { limiter, counts, limitCounters } = limiterOf({ maxConnections: 3 });
    counts.size = 1;
    counts.pendingCount = 1;
    expect(limiter.checkCapacity(() => "192.0.2.1")).toBeUndefined();
    counts.pendingCount = 2;
    expect(told(limiter.checkCapacity(() => "192.0.2.1"))).toEqual(BUSY);
    counts.size = 3;
    counts.pendingCount = 0;
    expect(told(limiter.checkCapacity(() => "192.0.2.1"))).toEqual(BUSY);
    counts.size = 2;
    expect(limiter.checkCapacity(() => "192.0.2.1")).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnections: 2 });
  });
});

describe("handshakes in progress", () => {
  test("one more needs a place", () => {
    const { limiter, counts, limitCounters } = limiterOf({});
    counts.size = 2;
    expect(limiter.checkCapacity(() => "192.0.2.1")).toBeUndefined();
    counts.hasPlace = false;
    expect(told(limiter.checkCapacity(() => "192.0.2.1"))).toEqual(BUSY);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1 });
  });

  test("a place is freed for a client that is admitted, and for no client that is refused", () => {
    const { limiter, counts, limitCounters } = limiterOf({ maxConnectionsPerAddress: 1, maxHandshakesPerSecond: 1 });
    expect([limiter.checkCapacity(() => "192.0.2.1"), counts.freed]).toEqual([undefined, 0]);
    admitted(limiter.admit(from("192.0.2.1")));
    expect(counts.freed).toBe(1);
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(429);
    expect(statusOf(limiter.admit(from("192.0.2.2")))).toBe(503);
    expect([counts.freed, limitCounters.maxHandshakes]).toEqual([1, 0]);
  });

  test("a client whose place is taken while its request is read gets 503", () => {
    const { limiter, counts, limitCounters } = limiterOf({ maxConnectionsPerAddress: 1 });
    counts.hasPlace = false;
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(503);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1 });
    counts.hasPlace = true;
    admitted(limiter.admit(from("192.0.2.1")));
  });
});

describe("handshakes in a second", () => {
  test("those of one second may come at once, then more with time", () => {
    const { limiter, limitCounters } = limiterOf({ maxHandshakesPerSecond: 4 });
    const burst = Array.from({ length: 6 }, () => limiter.admit(from("192.0.2.1")));
    expect(burst.slice(0, 4).map(statusOf)).toEqual([undefined, undefined, undefined, undefined]);
    expect(burst.slice(4).map(told)).toEqual([BUSY, BUSY]);
    now += 250;
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBeUndefined();
    expect(told(limiter.admit(from("192.0.2.1")))).toEqual(BUSY);
    now += 3_600_000;
    const later = Array.from({ length: 5 }, () => limiter.admit(from("192.0.2.1")));
    expect(later.map((one) => statusOf(one) === undefined)).toEqual([true, true, true, true, false]);
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakesPerSecond: 4 });
  });

  test("refused clients do not lengthen the wait of others", () => {
    const { limiter } = limiterOf({ maxHandshakesPerSecond: 1 });
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBeUndefined();
    for (let i = 0; i < 1_000; i++) expect(told(limiter.admit(from("192.0.2.1")))).toEqual(BUSY);
    now += 1_000;
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBeUndefined();
  });

  test("a client that is refused for another reason is not counted", () => {
    const { limiter, counts, limitCounters } = limiterOf({
      maxHandshakesPerSecond: 1,
      maxConnections: 5,
    });
    counts.hasPlace = false;
    expect(told(limiter.checkCapacity(() => "192.0.2.1"))).toEqual(BUSY);
    counts.pendingCount = 9;
    counts.hasPlace = true;
    expect(told(limiter.checkCapacity(() => "192.0.2.1"))).toEqual(BUSY);
    counts.pendingCount = 0;
    expect(limiter.checkCapacity(() => "192.0.2.1")).toBeUndefined();
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBeUndefined();
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxHandshakes: 1, maxConnections: 1 });
  });

  test("nor is a client whose address has too many connections", () => {
    const { limiter } = limiterOf({ maxHandshakesPerSecond: 2, maxConnectionsPerAddress: 1 });
    admitted(limiter.admit(from("192.0.2.1")));
    for (let i = 0; i < 3; i++) expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(429);
    admitted(limiter.admit(from("192.0.2.2")));
    expect(statusOf(limiter.admit(from("192.0.2.3")))).toBe(503);
  });

  test("and a client that is refused by the rate has no place", () => {
    const { limiter } = limiterOf({ maxHandshakesPerSecond: 1, maxConnectionsPerAddress: 2 });
    admitted(limiter.admit(from("192.0.2.1")));
    for (let i = 0; i < 3; i++) expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(503);
  });
});

describe("connections of one address", () => {
  test("there may be maxConnectionsPerAddress", () => {
    const { limiter, limitCounters } = limiterOf({ maxConnectionsPerAddress: 2 });
    const first = admitted(limiter.admit(from("192.0.2.1")));
    admitted(limiter.admit(from("192.0.2.1")));
    expect(told(limiter.admit(from("192.0.2.1")))).toEqual([429, { "Retry-After": "1" }]);
    admitted(limiter.admit(from("192.0.2.2")));
    expect(limitCounters).toEqual({ ...newLimitCounters(), maxConnectionsPerAddress: 1 });
    limiter.release(first);
    admitted(limiter.admit(from("192.0.2.1")));
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(429);
  });

  test("a place passes from the handshake to the connection, and is given back once", () => {
    const { limiter } = limiterOf({ maxConnectionsPerAddress: 1 });
    const place = admitted(limiter.admit(from("192.0.2.1")));
    limiter.release(place);
    limiter.keep(place);
    expect(statusOf(limiter.admit(from("192.0.2.1")))).toBe(429);
    limiter.release(place);
    admitted(limiter.admit(from("192.0.2.1")));
  });

  test("an IPv6 address is a /64; a pipe has none, so it is not limited", () => {
    const { limiter } = limiterOf({ maxConnectionsPerAddress: 1 });
    admitted(limiter.admit(from("2001:db8::1")));
    expect(statusOf(limiter.admit(from("2001:DB8:0:0:ffff::")))).toBe(429);
    admitted(limiter.admit(from("2001:db8:0:1::")));
    for (let i = 0; i < 3; i++) admitted(limiter.admit(from("")));
  });

  test("a client that has reset its connection gets no place: its address is not known any more", () => {
    const { limiter } = limiterOf({ maxConnectionsPerAddress: 1 });
    expect(limiter.admit(from("", true))).toBeUndefined();
  });

  test("without a limit all are admitted", () => {
    const { limiter } = limiterOf({});
    const all = [1, 2, 3].map(() => admitted(limiter.admit(from("192.0.2.1"))));
    expect(all[0]?.places).toBe(3);
  });
});
