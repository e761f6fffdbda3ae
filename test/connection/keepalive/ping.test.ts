import { describe, expect, test } from "vitest";
import { Ping } from "../../../src/connection/keepalive/ping.ts";
import { copy, hex, join } from "../../support/bytes.ts";

function ping({ tick = 0, now = 0, untaken = 0, before = 0 } = {}): Ping {
  return new Ping(tick, now, untaken, before);
}

describe("a ping", () => {
  test("keeps the tick in which it was sent", () => {
    expect(ping({ tick: 7 }).sentAtTick).toBe(7);
  });

  test("is answered by its own payload, at any place in memory", () => {
    const sent = ping();
    expect(sent.isAnsweredBy(copy(sent.payload))).toBe(true);
  });

  test("is not answered by a payload that is longer, shorter or empty", () => {
    const sent = ping();
    for (const other of [join([sent.payload, hex("00")]), copy(sent.payload).subarray(0, 3), hex("")])
      expect(sent.isAnsweredBy(other)).toBe(false);
  });

  test.each([0, 1, 2, 3])("is not answered by a payload that differs in byte %d", (at) => {
    const sent = ping();
    const other = copy(sent.payload);
    other[at]! ^= 0x80;
    expect(sent.isAnsweredBy(other)).toBe(false);
  });

  test("has a payload that no other ping of the process has", () => {
    const pings = Array.from({ length: 1000 }, () => ping());
    expect(new Set(pings.map(({ payload }) => payload.latin1Slice(0, 4))).size).toBe(1000);
    expect(pings.every(({ payload }) => payload.length === 4)).toBe(true);
    expect(pings[1]!.isAnsweredBy(pings[0]!.payload)).toBe(false);
  });
});

describe("a waiter for a pong", () => {
  test("that comes after the pong gets the time too, and after the end undefined", async () => {
    const answered = ping({ now: 10 });
    answered.onPong(17);
    expect(await answered.roundTrip()).toBe(7);
    const lost = ping();
    lost.onStreamClose();
    expect(await lost.roundTrip()).toBeUndefined();
  });

  test("gets the milliseconds from the ping to the pong, the same as all others", async () => {
    const sent = ping({ now: 1000 });
    const answers = [sent.roundTrip(), sent.roundTrip(), sent.roundTrip()];
    sent.onPong(1012.5);
    expect(await Promise.all(answers)).toEqual([12.5, 12.5, 12.5]);
  });

  test("gets undefined when the connection is closed before", async () => {
    const sent = ping({ now: 1000 });
    const answers = [sent.roundTrip(), sent.roundTrip()];
    sent.onStreamClose();
    expect(await Promise.all(answers)).toEqual([undefined, undefined]);
  });

  test("is settled once: the first event counts", async () => {
    const sent = ping({ now: 1000 });
    const first = sent.roundTrip();
    sent.onPong(1001);
    const second = sent.roundTrip();
    sent.onStreamClose();
    sent.onPong(1002);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });
});

describe("a peer makes progress", () => {
  test("when fewer bytes wait for it than at the last check", () => {
    const sent = ping({ untaken: 100 });
    expect(sent.updatePendingWriteBytes(99)).toBe(true);
    expect(sent.updatePendingWriteBytes(98)).toBe(true);
    expect(sent.updatePendingWriteBytes(0)).toBe(true);
  });

  test("not when as many or more wait", () => {
    const sent = ping({ untaken: 100 });
    expect(sent.updatePendingWriteBytes(100)).toBe(false);
    expect(sent.updatePendingWriteBytes(101)).toBe(false);
  });

  test("compared with the last check, not with the first", () => {
    const sent = ping({ untaken: 100 });
    expect(sent.updatePendingWriteBytes(200)).toBe(false);
    expect(sent.updatePendingWriteBytes(150)).toBe(true);
    expect(sent.updatePendingWriteBytes(150)).toBe(false);
  });
});

describe("the time to wait for a pong", () => {
  const KIB = 1024;

  test.each([
    [0, 1],
    [512 * KIB, 2],
    [1024 * KIB, 3],
    [4096 * KIB, 9],
  ])("after %d bytes is %d times the timeout", (before, patience) => {
    expect(ping({ before }).timeoutFactor).toBe(patience);
  });

  test("grows with each byte, not in steps", () => {
    expect(ping({ before: 256 * KIB }).timeoutFactor).toBe(1.5);
    expect(ping({ before: 1 }).timeoutFactor).toBeGreaterThan(1);
  });

  test("is that of 4 MiB for more bytes: a system keeps no more in transit", () => {
    for (const before of [4096 * KIB + 1, 1024 * 1024 * KIB, 2 ** 32 - 1])
      expect(ping({ before }).timeoutFactor).toBe(9);
  });
});
