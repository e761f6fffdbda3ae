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
const LIFE: KeepaliveSettings = {
  tickMs: 1000,
  pingInterval: 30,
  pingTimeout: 20,
  idleTimeout: 100,
  maxLifetime: 1000,
};

const NO_PINGS: KeepaliveSettings = { ...LIFE, pingInterval: Infinity, pingTimeout: Infinity };

/** One case. `ping` is the tick in which the ping was sent. */
interface Case extends Partial<Omit<LivenessSnapshot, "ping">> {
  readonly ping?: number;
}

function find(
  { currentTick: now = 0, lastActivityAt: heard = 0, readingStopped: readingStopped = false, ping, age }: Case,
  life = LIFE,
): LivenessVerdict {
  return checkLiveness(
    {
      currentTick: now,
      lastActivityAt: heard,
      readingStopped: readingStopped,
      ping: ping === undefined ? undefined : new Ping(ping, 0, 0, 0),
      age,
    },
    life,
  );
}

describe("a connection is", () => {
  const table: readonly (readonly [finding: LivenessVerdict, title: string, snapshot: Case])[] = [
    ["alive", "that has just opened", {}],
    ["alive", "that is silent for exactly pingInterval", { currentTick: 30 }],
    ["pingDue", "that is silent for one tick more", { currentTick: 31 }],
    ["alive", "that received bytes meanwhile", { currentTick: 40, lastActivityAt: 10 }],
    ["pingDue", "that is silent again", { currentTick: 41, lastActivityAt: 10 }],
    ["alive", "that was pinged and may still answer", { currentTick: 51, ping: 31 }],
    ["pingTimeout", "that was pinged and did not answer in time", { currentTick: 52, ping: 31 }],
    ["alive", "that received bytes in the tick of the ping", { currentTick: 61, lastActivityAt: 31, ping: 31 }],
    [
      "pingDue",
      "that received bytes in the tick of the ping, and nothing later",
      { currentTick: 62, lastActivityAt: 31, ping: 31 },
    ],
    ["alive", "that received bytes after the ping, but no pong", { currentTick: 62, lastActivityAt: 32, ping: 31 }],
    [
      "pingDue",
      "that received bytes after the ping and is silent again",
      { currentTick: 63, lastActivityAt: 32, ping: 31 },
    ],
    ["pingTimeout", "that did not answer the second ping either", { currentTick: 84, lastActivityAt: 32, ping: 63 }],
    [
      "alive",
      "that is not read, however long the ping is pending",
      { currentTick: 61, ping: 31, readingStopped: true },
    ],
    ["pingDue", "that is not read, and is pinged again", { currentTick: 62, ping: 31, readingStopped: true }],
    ["pingDue", "that is not read, and was never pinged", { currentTick: 31, readingStopped: true }],
    [
      "alive",
      "that had a message exactly idleTimeout ago",
      { currentTick: 100, lastActivityAt: 100, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "idleTimeout",
      "that had none for one tick more",
      { currentTick: 101, lastActivityAt: 101, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "idleTimeout",
      "that is idle and silent, so no ping is needed",
      { currentTick: 101, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "idleTimeout",
      "that is idle and silent for too long",
      { currentTick: 101, ping: 31, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "alive",
      "that cannot be idle, because it is not read",
      { currentTick: 101, lastActivityAt: 101, readingStopped: true, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "alive",
      "that is exactly maxLifetime old",
      { currentTick: 1000, lastActivityAt: 1000, age: { openedAt: 0, lastMessageAt: 1000 } },
    ],
    [
      "maxLifetime",
      "that is one tick older",
      { currentTick: 1001, lastActivityAt: 1001, age: { openedAt: 0, lastMessageAt: 1001 } },
    ],
    [
      "alive",
      "that was opened later",
      { currentTick: 1001, lastActivityAt: 1001, age: { openedAt: 1, lastMessageAt: 1001 } },
    ],
    [
      "maxLifetime",
      "that is old and idle and silent",
      { currentTick: 1001, ping: 31, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
    [
      "maxLifetime",
      "that is old, though it is not read",
      { currentTick: 1001, readingStopped: true, age: { openedAt: 0, lastMessageAt: 0 } },
    ],
  ];

  test.each(table)("%s: one %s", (finding, _title, snapshot) => {
    expect(find(snapshot)).toBe(finding);
  });

  test("neither idle nor old when no age is kept", () => {
    expect(find({ currentTick: 5000, lastActivityAt: 5000 })).toBe("alive");
  });

  test("never silent nor dead without an interval, though a ping of the user's is pending", () => {
    expect(find({ currentTick: 1_000_000 }, NO_PINGS)).toBe("alive");
    expect(find({ currentTick: 1_000_000, ping: 1 }, NO_PINGS)).toBe("alive");
    expect(find({ currentTick: 1_000_000, ping: 1 }, { ...NO_PINGS, pingTimeout: 1 })).toBe("alive");
  });
});

describe("a ping after many written bytes", () => {
  const MIB = 1024 * 1024;

  /** The verdict in tick `now` on a connection that was pinged in tick 31, after this many bytes. */
  function found(now: number, before: number, own: Partial<LivenessSnapshot> = {}): LivenessVerdict {
    const ping = new Ping(31, 0, 0, before);
    return checkLiveness(
      { currentTick: now, lastActivityAt: 0, readingStopped: false, age: undefined, ...own, ping },
      LIFE,
    );
  }

  test.each([
    [0, 20],
    [0.25 * MIB, 30],
    [0.5 * MIB, 40],
    [4 * MIB, 180],
    [100 * MIB, 180],
  ])("of %d bytes may take %d ticks", (before, patience) => {
    expect(found(31 + patience, before)).toBe("alive");
    expect(found(31 + patience + 1, before)).toBe("pingTimeout");
  });

  test("does not change the silence before the next ping, once bytes were received", () => {
    expect(found(62, 4 * MIB, { lastActivityAt: 32 })).toBe("alive");
    expect(found(63, 4 * MIB, { lastActivityAt: 32 })).toBe("pingDue");
  });

  test("does not save a connection that is idle or old", () => {
    expect(found(101, 4 * MIB, { age: { openedAt: 0, lastMessageAt: 0 } })).toBe("idleTimeout");
    expect(found(1001, 4 * MIB, { age: { openedAt: 0, lastMessageAt: 1001 } })).toBe("maxLifetime");
  });
});

const tick = fc.nat({ max: 300 });
const time = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(Infinity));
const age = fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constant(Infinity));
const settings = fc.record({
  tickMs: fc.constant(1000),
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
      ...{ currentTick: now, lastActivityAt: heard, readingStopped: readingStopped },
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
      if (finding !== "pingTimeout") return;
      dead++;
      expect(snapshot.readingStopped).toBe(false);
      expect(snapshot.ping).toBeDefined();
      expect(snapshot.currentTick - snapshot.ping!.sentAtTick).toBeGreaterThan(life.pingTimeout);
      expect(snapshot.currentTick - snapshot.lastActivityAt).toBeGreaterThan(life.pingTimeout);
      expect(snapshot.lastActivityAt).toBeLessThan(snapshot.ping!.sentAtTick);
      expect(life.pingInterval).not.toBe(Infinity);
    });
    expect(dead).toBeGreaterThan(0);
  });

  test("is not well when it was pinged and nothing came for longer than both times, read or not", () => {
    let unwell = 0;
    always(({ currentTick: now, lastActivityAt: heard, ping }, { pingInterval, pingTimeout }, finding) => {
      if (now - Math.max(heard, ping?.sentAtTick ?? 0) <= Math.max(pingInterval, pingTimeout)) return;
      unwell++;
      expect(finding).not.toBe("alive");
    });
    expect(unwell).toBeGreaterThan(0);
  });

  test("is pinged only after a silence of pingInterval", () => {
    let asked = 0;
    always(({ currentTick: now, lastActivityAt: heard, ping }, { pingInterval }, finding) => {
      if (finding !== "pingDue") return;
      asked++;
      expect(now - Math.max(heard, ping?.sentAtTick ?? 0)).toBeGreaterThan(pingInterval);
    });
    expect(asked).toBeGreaterThan(0);
  });

  test("is closed if and only if one of its two limits is over", () => {
    const retired = { idleTimeout: 0, maxLifetime: 0 };
    always(({ currentTick: now, readingStopped: readingStopped, age }, { idleTimeout, maxLifetime }, finding) => {
      const old = age !== undefined && now - age.openedAt > maxLifetime;
      const idle = age !== undefined && !readingStopped && now - age.lastMessageAt > idleTimeout;
      expect(finding === "maxLifetime").toBe(old);
      expect(finding === "idleTimeout").toBe(idle && !old);
      if (finding === "idleTimeout" || finding === "maxLifetime") retired[finding]++;
    });
    expect(Math.min(retired.idleTimeout, retired.maxLifetime)).toBeGreaterThan(0);
  });
});
