import fc from "fast-check";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { LivenessTimer } from "../../../src/connection/keepalive/liveness-timer.ts";
import { checkLiveness } from "../../../src/connection/keepalive/liveness-check.ts";
import { readOptions } from "../../../src/server/settings.ts";
import { Registry } from "../../../src/util/registry.ts";

/** Milliseconds. */
const TICK = 100;

/** All are checked once in this many ticks, for any number. */
const ROUND = 4;

interface One {
  readonly id: number;
}

/** A registry of this many connections, and the heartbeat that checks them. */
class Ward {
  readonly registry = new Registry<One>();
  readonly heartbeat: LivenessTimer<One>;
  /** What a check does besides. */
  whenLooked: (one: One) => void = () => {};
  #looks: number[] = [];
  #last = 0;

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.add();
    this.heartbeat = new LivenessTimer(TICK, this.registry, (one) => {
      this.#looks.push(one.id);
      this.whenLooked(one);
    });
    onTestFinished(() => {
      this.heartbeat.stop();
    });
  }

  get ids(): number[] {
    return this.registry.list.map(({ id }) => id);
  }

  /** Starts it. With fake timers, what is due after a tick comes a millisecond after it. */
  start(): void {
    this.heartbeat.start();
    vi.advanceTimersByTime(1);
  }

  add(): One {
    const one = { id: ++this.#last };
    this.registry.add(one);
    return one;
  }

  /** Lets this many ticks pass, and returns the checked connections, in order. */
  tick(count = 1): number[] {
    this.#looks = [];
    vi.advanceTimersByTime(count * TICK);
    return this.#looks;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

const COUNTS = [1, 2, 999, 1_000, 1_001, 3_999, 4_000, 4_001, 10_000];

describe("a round", () => {
  test.each(COUNTS)("of %i: each is checked once", (count) => {
    const ward = new Ward(count);
    ward.start();
    expect(new Set(ward.tick(ROUND))).toEqual(new Set(ward.ids));
  });

  test("many connections are checked in parts, a quarter in each tick, each once and in their order", () => {
    const ward = new Ward(10_000);
    ward.start();
    const parts = Array.from({ length: ROUND }, () => ward.tick());
    expect(parts.map((part) => part.length)).toEqual([2_500, 2_500, 2_500, 2_500]);
    expect(parts.flat()).toEqual(ward.ids);
  });

  test("up to a thousand are checked in one tick", () => {
    const ward = new Ward(1_000);
    ward.start();
    expect(ward.tick()).toEqual(ward.ids);
  });

  test.each(COUNTS)("of %i is followed by the next, and none leaves out a connection", (count) => {
    const ward = new Ward(count);
    ward.start();
    // The end of a round may use a check of the next: that connection is checked at most one tick later.
    const ticks = Array.from({ length: 4 * ROUND }, () => ward.tick());
    for (let from = 0; from + ROUND <= ticks.length; from++)
      expect(new Set(ticks.slice(from, from + ROUND).flat()).size).toBe(count);
  });
});

describe("a silent peer", () => {
  test.each(COUNTS.flatMap((count) => [25_000, 100].map((pingInterval) => [count, pingInterval] as const)))(
    "of %i is sent a ping within its interval of %i ms, but not much earlier",
    (count, pingInterval) => {
      const { keepalive } = readOptions({ pingInterval });
      const interval = pingInterval / keepalive.tickMs;
      const ward = new Ward(count);
      // In each phase of a round some have been heard for the last time.
      const lastActivityAt = (id: number): number => id % ROUND;
      const silences = new Map<number, number>();
      ward.whenLooked = ({ id }) => {
        const { currentTick } = ward.heartbeat;
        const one = { currentTick, lastActivityAt: lastActivityAt(id), readingStopped: false };
        if (silences.has(id) || checkLiveness({ ...one, ping: undefined, age: undefined }, keepalive) !== "pingDue")
          return;
        silences.set(id, currentTick - lastActivityAt(id));
      };
      ward.start();
      ward.tick(interval + 2 * ROUND);
      expect(silences.size).toBe(count);
      expect(Math.max(...silences.values())).toBeLessThanOrEqual(interval);
      expect(Math.min(...silences.values())).toBeGreaterThan(interval - ROUND - 1);
    },
  );
});

describe("connections that open and close", () => {
  test("when many open and close all the time, those that stay are still checked", () => {
    const ward = new Ward(10);
    const stay = [...ward.ids];
    const batches: One[][] = [];
    ward.start();
    for (let tick = 0; tick < 40; tick++) {
      batches.push(Array.from({ length: 1500 }, () => ward.add()));
      for (const one of batches.length > 3 ? (batches.shift() ?? []) : []) ward.registry.remove(one);
      ward.tick();
    }
    expect(ward.tick(3 * ROUND)).toEqual(expect.arrayContaining(stay));
  });

  test("one that opens during a round is checked in it, or in the next", () => {
    const ward = new Ward(4_000);
    ward.start();
    ward.tick();
    const { id } = ward.add();
    expect(ward.tick(2 * ROUND)).toContain(id);
  });

  test("one that closes before its turn is not checked any more", () => {
    const ward = new Ward(4_000);
    ward.start();
    ward.tick();
    const gone = ward.registry.get(3_500)!;
    ward.registry.remove(gone);
    expect(ward.tick(3 * ROUND)).not.toContain(gone.id);
  });

  test("one may close while it is checked, and close others", () => {
    const ward = new Ward(10);
    ward.start();
    ward.whenLooked = ({ id }) => {
      for (const one of [ward.registry.get(id), ward.registry.get(id + 1)])
        if (one !== undefined) ward.registry.remove(one);
    };
    expect(ward.tick(ROUND)).toEqual([1, 3, 5, 7, 9]);
    expect(ward.registry.size).toBe(0);
    expect(ward.tick(ROUND)).toEqual([]);
  });

  test("in any order, only open connections are checked, and none that stays is left out", () => {
    const step = fc.record({ come: fc.nat(40), go: fc.array(fc.nat(3_000), { maxLength: 60 }) });
    fc.assert(
      fc.property(fc.nat(2_500), fc.array(step, { minLength: 2 * ROUND, maxLength: 20 }), (count, steps) => {
        const ward = new Ward(count);
        const strangers: number[] = [];
        ward.whenLooked = ({ id }) => {
          if (ward.registry.get(id) === undefined) strangers.push(id);
        };
        ward.start();
        const staying = new Map(ward.ids.map((id) => [id, 0]));
        steps.forEach(({ come, go }, tick) => {
          for (let i = 0; i < come; i++) staying.set(ward.add().id, tick);
          const { list } = ward.registry;
          for (const one of new Set(go.flatMap((index) => list[index] ?? []))) {
            ward.registry.remove(one);
            staying.delete(one.id);
          }
          for (const id of ward.tick()) if (staying.has(id)) staying.set(id, tick + 1);
          expect(tick + 1 - Math.min(tick, ...staying.values())).toBeLessThanOrEqual(2 * ROUND);
        });
        ward.heartbeat.stop();
        expect(strangers).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("the clock", () => {
  test("it counts ticks from 0, while there are connections", () => {
    const { heartbeat, ...ward } = new Ward(1);
    vi.advanceTimersByTime(10 * TICK);
    expect(heartbeat.currentTick).toBe(0);
    heartbeat.start();
    vi.advanceTimersByTime(3 * TICK);
    expect(heartbeat.currentTick).toBe(3);
    expect(ward.registry.size).toBe(1);
    heartbeat.stop();
    vi.advanceTimersByTime(10 * TICK);
    heartbeat.start();
    vi.advanceTimersByTime(TICK);
    expect(heartbeat.currentTick).toBe(4);
  });

  test("a blocked event loop, however long, is one tick", () => {
    const set = vi.spyOn(globalThis, "setInterval");
    onTestFinished(() => set.mockRestore());
    const { heartbeat } = new Ward(1);
    heartbeat.start();
    const turn = set.mock.calls[0]![0];
    vi.advanceTimersByTime(TICK);
    // As in Node after a blocked event loop: an hour has passed, and the timer is called once.
    vi.setSystemTime(Date.now() + 3_600_000);
    const elapsed = vi.spyOn(performance, "now").mockReturnValue(3_600_000);
    onTestFinished(() => elapsed.mockRestore());
    turn();
    expect(heartbeat.currentTick).toBe(2);
  });

  test("bytes that wait in the sockets after a blocked event loop are read before the check", () => {
    const ward = new Ward(1);
    const order: string[] = [];
    ward.whenLooked = () => order.push(`check in tick ${String(ward.heartbeat.currentTick)}`);
    ward.start();
    // A timer of the same turn, and its callbacks, represent the sockets.
    setTimeout(() => {
      order.push("timers");
      setImmediate(() => order.push("after the check"));
    }, TICK - 1);
    ward.tick();
    expect(order).toEqual(["timers", "check in tick 1", "after the check"]);
  });
});

describe("its timer", () => {
  test("there is one timer, however often it is started, and it does not keep the process alive", () => {
    vi.useRealTimers();
    const set = vi.spyOn(globalThis, "setInterval");
    onTestFinished(() => set.mockRestore());
    const { heartbeat } = new Ward(3);
    heartbeat.start();
    heartbeat.start();
    expect(set.mock.calls.map(([, ms]) => ms)).toEqual([TICK]);
    expect((set.mock.results[0]!.value as NodeJS.Timeout).hasRef()).toBe(false);
  });

  test("stopped, no timer is left and nothing is checked", () => {
    const ward = new Ward(3);
    ward.start();
    expect(vi.getTimerCount()).toBe(1);
    ward.tick();
    ward.heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(ward.tick(ROUND)).toEqual([]);
    ward.heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("stopped between a tick and its check, nothing is checked", () => {
    const ward = new Ward(3);
    ward.start();
    setTimeout(() => {
      ward.heartbeat.stop();
    }, TICK - 1);
    expect(ward.tick(ROUND)).toEqual([]);
    expect(ward.heartbeat.currentTick).toBe(1);
  });

  test("started again it begins a new round", () => {
    const ward = new Ward(2_000);
    ward.start();
    expect(ward.tick()[0]).toBe(1);
    ward.heartbeat.stop();
    ward.start();
    expect(ward.tick(2)).toEqual(ward.ids);
  });
});
