import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { ENTRY_COST } from "../../src/backplane/memory-history.ts";
import { MemoryStore } from "../../src/backplane/memory-store.ts";
import { textsOf } from "../support/backplane/node.ts";
import { message } from "../support/backplane/records.ts";
import { cases, seed } from "../support/fuzz.ts";

const DAY = 24 * 60 * 60 * 1000;
const rule = { size: 100, ttl: 60_000 };

afterEach(() => void vi.useRealTimers());

function make({ maxBytes = Infinity, maxTopics = Infinity } = {}) {
  const clock = { now: 0 };
  const wanted = new Set<string>();
  const store = new MemoryStore(
    { maxBytes, maxTopics },
    () => clock.now,
    (topic) => wanted.has(topic),
  );
  const append = (topic: string, text = "text", options = {}) =>
    store.append({ topic, rule, records: [message(text)], options });
  return { store, clock, wanted, append };
}

test("a topic is forgotten a day after its last message has expired, and gets another epoch then", () => {
  const { store, clock, append } = make();
  const { epoch } = append("t").appended;
  clock.now = rule.ttl + DAY - 1;
  expect([store.top("t")?.epoch, store.read("t", rule, 0).epoch]).toEqual([epoch, epoch]);
  expect(append("t").appended).toEqual({ epoch, first: 2, isDuplicate: false });
  clock.now += rule.ttl + DAY;
  expect([store.top("t"), store.size]).toEqual([undefined, 0]);
  expect(append("t").appended).toMatchObject({ first: 1 });
  expect(store.top("t")?.epoch).not.toBe(epoch);
});

test("reading does not postpone that, but somebody who listens does", () => {
  const { store, clock, wanted, append } = make();
  for (const topic of ["t", "u"]) append(topic);
  wanted.add("u");
  const epoch = store.top("u")?.epoch;
  for (let i = 0; i < 3; i++) {
    for (const topic of ["t", "u"]) store.read(topic, rule, 0);
    clock.now += DAY / 2;
  }
  clock.now = rule.ttl + DAY;
  expect([store.top("t"), store.top("u")?.epoch]).toEqual([undefined, epoch]);
  wanted.clear();
  clock.now += rule.ttl + DAY;
  expect(store.top("u")).toBeUndefined();
});

test("an idle process frees memory without a call, and then has no timer", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const store = new MemoryStore(
    { maxBytes: Infinity, maxTopics: Infinity },
    () => performance.now(),
    () => false,
  );
  store.start();
  const add = (topic: string, ttl: number, id?: string) =>
    store.append({ topic, rule: { size: 10, ttl }, records: [message("x")], options: { id } });
  add("short", 10_000);
  add("long", 1_000_000);
  store.read("empty", rule, 0);
  const one = store.bytes / 2;
  vi.advanceTimersByTime(11_000);
  expect([store.bytes, store.size, vi.getTimerCount()]).toEqual([one, 3, 1]);
  // Messages that were added after a topic was empty expire too.
  add("short", 10_000, "id");
  vi.advanceTimersByTime(11_000);
  expect(store.bytes).toBe(one);
  vi.advanceTimersByTime(DAY + 2_000_000);
  expect([store.bytes, store.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
});

test("a store that is stopped has no timer", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { store, append } = make();
  store.start();
  append("t");
  expect(vi.getTimerCount()).toBe(1);
  store.stop();
  append("u");
  expect(vi.getTimerCount()).toBe(0);
});

test("beyond maxBytes the oldest messages of the quietest topic go first", () => {
  const { store, append } = make({ maxBytes: 3 * (ENTRY_COST + 14 + 4) });
  for (const topic of ["a", "a", "b", "a"]) append(topic);
  // The last message was for a, so b is the quietest one.
  expect([store.read("a", rule, 0).entries.length, store.read("b", rule, 0).entries.length]).toEqual([3, 0]);
  append("b");
  expect([store.read("a", rule, 0).entries.map(({ offset }) => offset), store.counters.trimmed]).toEqual([[2, 3], 2]);
  expect(store.bytes).toBe(3 * (ENTRY_COST + 14 + 4));
});

test("beyond maxTopics the quietest topics are forgotten, those without messages first, and the position of a new one is safe", () => {
  const { store, append } = make({ maxTopics: 3 });
  for (const topic of ["a", "b"]) append(topic);
  store.read("empty", rule, 0);
  append("c");
  expect(["a", "b", "c", "empty"].map((topic) => store.top(topic)?.offset)).toEqual([1, 1, 1, undefined]);
  append("a");
  store.read("d", rule, 0);
  expect(["a", "b", "c", "d"].map((topic) => store.top(topic)?.offset)).toEqual([2, undefined, 1, 0]);
  expect([store.size, store.counters.forgottenTopics]).toEqual([3, 2]);
  append("e");
  expect([store.top("d"), store.bytes]).toEqual([undefined, 4 * (ENTRY_COST + 14 + 4)]);
});

test("an id is known for two minutes", () => {
  const { store, clock, append } = make();
  const { appended, packet } = append("t", "one", { id: "a" });
  expect(packet).toBeDefined();
  clock.now = 119_999;
  expect(append("t", "two", { id: "a" })).toEqual({ appended: { ...appended, isDuplicate: true }, packet: undefined });
  clock.now = 120_000;
  expect(append("t", "three", { id: "a" }).appended).toMatchObject({ first: 2, isDuplicate: false });
  expect(store.counters.forgottenIds).toBe(0);
});

test("it agrees with plain lists, whatever the size and the time", () => {
  const step = fc.record({
    kind: fc.constantFrom("append", "append", "append", "read", "top", "wait"),
    topic: fc.constantFrom("a", "b", "c"),
    count: fc.integer({ min: 1, max: 5 }),
    size: fc.integer({ min: 1, max: 8 }),
    after: fc.integer({ min: -10, max: 30 }),
    ms: fc.constantFrom(1, 9_999, 30_000, 60_000, DAY),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { store, clock } = make();
      const model = new Map<
        string,
        { epoch: string; top: number; changed: number; kept: { offset: number; at: number; text: string }[] }
      >();
      let next = 0;
      for (const { kind, topic, count, size, after, ms } of steps) {
        if (kind === "wait") clock.now += ms;
        for (const [name, one] of model) {
          one.kept = one.kept.filter(({ at }) => at + rule.ttl > clock.now);
          if (one.kept.length === 0 && one.changed + rule.ttl + DAY <= clock.now) model.delete(name);
        }
        const known = model.get(topic);
        if (kind === "append") {
          const texts = Array.from({ length: count }, () => String(next++));
          const { appended } = store.append({
            topic,
            rule: { ...rule, size },
            records: texts.map((text) => message(text)),
            options: {},
          });
          const one = known ?? { epoch: appended.epoch, top: 0, changed: 0, kept: [] };
          expect(appended).toEqual({ epoch: one.epoch, first: one.top + 1, isDuplicate: false });
          for (const text of texts) one.kept.push({ offset: ++one.top, at: clock.now, text });
          one.kept = one.kept.slice(-size);
          one.changed = clock.now;
          model.set(topic, one);
        } else if (kind === "read") {
          const page = store.read(topic, rule, after);
          const one = known ?? { epoch: page.epoch, top: 0, changed: clock.now, kept: [] };
          model.set(topic, one);
          const wanted = one.kept.filter(({ offset }) => offset > (after < 0 ? one.top + after : after));
          expect([page.epoch, page.top.offset, textsOf(page)]).toEqual([
            one.epoch,
            one.top,
            wanted.map(({ text }) => text),
          ]);
          expect(page.entries.map(({ offset }) => offset)).toEqual(wanted.map(({ offset }) => offset));
        } else if (kind === "top") {
          expect(store.top(topic)?.offset).toBe(known?.top);
        }
      }
      for (const topic of ["a", "b", "c"]) store.top(topic);
      const kept = [...model.values()].flatMap((one) => one.kept);
      expect(store.bytes).toBe(kept.reduce((bytes, { text }) => bytes + ENTRY_COST + 14 + text.length, 0));
      expect(store.size).toBe(model.size);
    }),
    { numRuns: cases(300), seed },
  );
});
