import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Ping } from "../../../src/connection/keepalive/ping.ts";
import {
  type LivenessVerdict,
  type LivenessSnapshot,
  checkLiveness,
} from "../../../src/connection/keepalive/liveness-check.ts";
import type { KeepaliveSettings } from "../../../src/connection/keepalive/settings.ts";
import { cases, seed } from "../../support/fuzz.ts";

/** Thirty ticks of silence, twenty for the answer. */
const LIFE: KeepaliveSettings = { tick: 1000, pingInterval: 30, pingTimeout: 20, idleTimeout: 100, maxLifetime: 1000 };

const NO_PINGS: KeepaliveSettings = { ...LIFE, pingInterval: Infinity, pingTimeout: Infinity };

/** One case. `ping` is the tick in which the ping was sent. */
interface Case extends Partial<Omit<LivenessSnapshot, "ping">> {
  readonly ping?: number;
}

function find(
  { now = 0, lastReceived: heard = 0, readingStopped: readingStopped = false, ping, age }: Case,
  life = LIFE,
): LivenessVerdict {
  return checkLiveness(
    {
      now,
      lastReceived: heard,
      readingStopped: readingStopped,
      ping: ping === undefined ? undefined : new Ping(ping, 0, 0, 0),
      age,
    },
    life,
  );
}

describe("a connection is", () => {
  const table: readonly (readonly [finding: LivenessVerdict, title: string, snapshot: Case])[] = [
    ["well", "that has just opened", {}],
    ["well", "that is silent for exactly pingInterval", { now: 30 }],
    ["silent", "that is silent for one tick more", { now: 31 }],
    ["well", "that received bytes meanwhile", { now: 40, lastReceived: 10 }],
    ["silent", "that is silent again", { now: 41, lastReceived: 10 }],
    ["well", "that was pinged and may still answer", { now: 51, ping: 31 }],
    ["dead", "that was pinged and did not answer in time", { now: 52, ping: 31 }],
    ["well", "that received bytes in the tick of the ping", { now: 61, lastReceived: 31, ping: 31 }],
    [
      "silent",
      "that received bytes in the tick of the ping, and nothing later",
      { now: 62, lastReceived: 31, ping: 31 },
    ],
    ["well", "that received bytes after the ping, but no pong", { now: 62, lastReceived: 32, ping: 31 }],
    ["silent", "that received bytes after the ping and is silent again", { now: 63, lastReceived: 32, ping: 31 }],
    ["dead", "that did not answer the second ping either", { now: 84, lastReceived: 32, ping: 63 }],
    ["well", "that is not read, however long the ping is pending", { now: 61, ping: 31, readingStopped: true }],
    ["silent", "that is not read, and is pinged again", { now: 62, ping: 31, readingStopped: true }],
    ["silent", "that is not read, and was never pinged", { now: 31, readingStopped: true }],
    [
      "well",
      "that had a message exactly idleTimeout ago",
      { now: 100, lastReceived: 100, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "idle",
      "that had none for one tick more",
      { now: 101, lastReceived: 101, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    ["idle", "that is idle and silent, so no ping is needed", { now: 101, age: { openedAt: 0, lastMessageAt: 0 } }],
    ["idle", "that is idle and silent for too long", { now: 101, ping: 31, age: { openedAt: 0, lastMessageAt: 0 } }],
    [
      "well",
      "that cannot be idle, because it is not read",
      { now: 101, lastReceived: 101, readingStopped: true, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "well",
      "that is exactly maxLifetime old",
      { now: 1000, lastReceived: 1000, age: { openedAt: 0, lastMessageAt: 1000 } },
    ],
    ["old", "that is one tick older", { now: 1001, lastReceived: 1001, age: { openedAt: 0, lastMessageAt: 1001 } }],
    ["well", "that was opened later", { now: 1001, lastReceived: 1001, age: { openedAt: 1, lastMessageAt: 1001 } }],
    ["old", "that is old and idle and silent", { now: 1001, ping: 31, age: { openedAt: 0, lastMessageAt: 0 } }],
    [
      "old",
      "that is old, though it is not read",
      { now: 1001, readingStopped: true, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
  ];

  test.each(table)("%s: one %s", (finding, _title, snapshot) => {
    expect(find(snapshot)).toBe(finding);
  });

  test("neither idle nor old when no age is kept", () => {
    expect(find({ now: 5000, lastReceived: 5000 })).toBe("well");
  });

  test("never silent nor dead without an interval, though a ping of the user's is pending", () => {
    expect(find({ now: 1_000_000 }, NO_PINGS)).toBe("well");
    expect(find({ now: 1_000_000, ping: 1 }, NO_PINGS)).toBe("well");
    expect(find({ now: 1_000_000, ping: 1 }, { ...NO_PINGS, pingTimeout: 1 })).toBe("well");
  });
});

describe("a ping after many written bytes", () => {
  const MIB = 1024 * 1024;

  /** The verdict in tick `now` on a connection that was pinged in tick 31, after this many bytes. */
  function found(now: number, before: number, own: Partial<LivenessSnapshot> = {}): LivenessVerdict {
    const ping = new Ping(31, 0, 0, before);
    return checkLiveness({ now, lastReceived: 0, readingStopped: false, age: undefined, ...own, ping }, LIFE);
  }

  test.each([
    [0, 20],
    [0.25 * MIB, 30],
    [0.5 * MIB, 40],
    [4 * MIB, 180],
    [100 * MIB, 180],
  ])("of %d bytes may take %d ticks", (before, patience) => {
    expect(found(31 + patience, before)).toBe("well");
    expect(found(31 + patience + 1, before)).toBe("dead");
  });

  test("does not change the silence before the next ping, once bytes were received", () => {
    expect(found(62, 4 * MIB, { lastReceived: 32 })).toBe("well");
    expect(found(63, 4 * MIB, { lastReceived: 32 })).toBe("silent");
  });

  test("does not save a connection that is idle or old", () => {
    expect(found(101, 4 * MIB, { age: { openedAt: 0, lastMessageAt: 0 } })).toBe("idle");
    expect(found(1001, 4 * MIB, { age: { openedAt: 0, lastMessageAt: 1001 } })).toBe("old");
  });
});

const tick = fc.nat({ max: 300 });
const time = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(Infinity));
const age = fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constant(Infinity));
const settings = fc.record({
  tick: fc.constant(1000),
  pingInterval: time,
  pingTimeout: time,
  idleTimeout: age,
  maxLifetime: age,
});
const snapshots = fc
  .record({
    past: fc.tuple(tick, tick, tick, tick),
    later: tick,
    readingStopped: fc.boolean(),
    pinged: fc.boolean(),
    aged: fc.boolean(),
  })
  .map(({ past: [heard, sent, born, since], later, readingStopped, pinged, aged }): LivenessSnapshot => {
    const active = born + since;
    const now = Math.max(heard, pinged ? sent : 0, aged ? active : 0) + later;
    return {
      ...{ now, lastReceived: heard, readingStopped: readingStopped },
      ping: pinged ? new Ping(sent, 0, 0, 0) : undefined,
      age: aged ? { openedAt: born, lastMessageAt: active } : undefined,
    };
  });

describe("with any times, a connection", () => {
  function always(
    check: (snapshot: LivenessSnapshot, life: KeepaliveSettings, finding: LivenessVerdict) => void,
  ): void {
    fc.assert(
      fc.property(snapshots, settings, (snapshot, life) => {
        check(snapshot, life, checkLiveness(snapshot, life));
      }),
      { seed, numRuns: cases(3000) },
    );
  }

  test("is not dead while it is not read, nor without a ping, nor within the time to answer", () => {
    let dead = 0;
    always((snapshot, life, finding) => {
      if (finding !== "dead") return;
      dead++;
      expect(snapshot.readingStopped).toBe(false);
      expect(snapshot.ping).toBeDefined();
      expect(snapshot.now - snapshot.ping!.tick).toBeGreaterThan(life.pingTimeout);
      expect(snapshot.now - snapshot.lastReceived).toBeGreaterThan(life.pingTimeout);
      expect(snapshot.lastReceived).toBeLessThan(snapshot.ping!.tick);
      expect(life.pingInterval).not.toBe(Infinity);
    });
    expect(dead).toBeGreaterThan(0);
  });

  test("is not well when it was pinged and nothing came for longer than both times, read or not", () => {
    let unwell = 0;
    always(({ now, lastReceived: heard, ping }, { pingInterval, pingTimeout }, finding) => {
      if (now - Math.max(heard, ping?.tick ?? 0) <= Math.max(pingInterval, pingTimeout)) return;
      unwell++;
      expect(finding).not.toBe("well");
    });
    expect(unwell).toBeGreaterThan(0);
  });

  test("is pinged only after a silence of pingInterval", () => {
    let asked = 0;
    always(({ now, lastReceived: heard, ping }, { pingInterval }, finding) => {
      if (finding !== "silent") return;
      asked++;
      expect(now - Math.max(heard, ping?.tick ?? 0)).toBeGreaterThan(pingInterval);
    });
    expect(asked).toBeGreaterThan(0);
  });

  test("is closed if and only if one of its two limits is over", () => {
    const retired = { idle: 0, old: 0 };
    always(({ now, readingStopped: readingStopped, age }, { idleTimeout, maxLifetime }, finding) => {
      const old = age !== undefined && now - age.openedAt > maxLifetime;
      const idle = age !== undefined && !readingStopped && now - age.lastMessageAt > idleTimeout;
      expect(finding === "old").toBe(old);
      expect(finding === "idle").toBe(idle && !old);
      if (finding === "idle" || finding === "old") retired[finding]++;
    });
    expect(Math.min(retired.idle, retired.old)).toBeGreaterThan(0);
  });
});
