import fc from "fast-check";
import { expect, test } from "vitest";
import { Topics } from "../../src/topics/topics.ts";
import { cases, seed } from "../support/fuzz.ts";

const [ann, bob] = [{ id: 1 }, { id: 2 }];

test("a topic has its subscribers in the order in which they came, each once", () => {
  const topics = new Topics<{ id: number }>(10);
  for (const one of [bob, ann, bob]) expect(topics.subscribe(one, "a")).toBeUndefined();
  expect(topics.list("a")).toEqual([bob, ann]);
  expect([topics.topicsOf(ann).has("a"), topics.topicsOf(ann).has("b")]).toEqual([true, false]);
});

test("a topic is there while it has a subscriber", () => {
  const topics = new Topics<{ id: number }>(10);
  topics.subscribe(ann, "a");
  expect(topics.size).toBe(1);
  expect([topics.unsubscribe(ann, "a"), topics.unsubscribe(ann, "a")]).toEqual([true, false]);
  expect([topics.size, topics.list("a")]).toEqual([0, undefined]);
});

test("who leaves has left all topics", () => {
  const topics = new Topics<{ id: number }>(10);
  for (const topic of ["a", "b"]) for (const one of [ann, bob]) topics.subscribe(one, topic);
  topics.leaveAll(ann);
  topics.leaveAll(ann);
  expect([topics.list("a"), topics.list("b"), topics.size]).toEqual([[bob], [bob], 2]);
});

test("the limits refuse what is new, and nothing else", () => {
  const topics = new Topics<{ id: number }>(2, 2);
  for (const topic of ["a", "b", "a"]) expect(topics.subscribe(ann, topic)).toBeUndefined();
  expect(topics.subscribe(ann, "c")).toBe("maxTopicsPerConnection");
  expect(topics.subscribe(bob, "c")).toBe("maxTopics");
  expect(topics.subscribe(bob, "b")).toBeUndefined();
  topics.unsubscribe(ann, "a");
  expect(topics.subscribe(bob, "c")).toBeUndefined();
});

test("the set of a subscriber and the collection of a topic are live, from before the first subscription on", () => {
  const topics = new Topics<{ id: number }>(10);
  const [own, subscribers] = [topics.topicsOf(ann), topics.subscribers("a")];
  expect([own.size, subscribers.size, [...subscribers.list]]).toEqual([0, 0, []]);
  topics.subscribe(ann, "a");
  expect([[...own], own.has("a"), subscribers.get(1), [...subscribers.list]]).toEqual([["a"], true, ann, [ann]]);
  topics.leaveAll(ann);
  expect([own.size, subscribers.size]).toEqual([0, 0]);
});

/** What is left when nothing is subscribed any more must be nothing: a server runs for months. */
test("it keeps nothing of those who have left, and agrees with a plain model", () => {
  const step = fc.record({
    kind: fc.constantFrom("subscribe", "unsubscribe", "leaveAll"),
    id: fc.integer({ min: 0, max: 4 }),
    topic: fc.constantFrom("a", "b", "c", "d"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = Array.from({ length: 5 }, (_, id) => ({ id }));
      const topics = new Topics<{ id: number }>(100);
      const model = new Set<string>();
      for (const { kind, id, topic } of steps) {
        const one = all[id]!;
        if (kind === "subscribe") topics.subscribe(one, topic);
        else if (kind === "unsubscribe") topics.unsubscribe(one, topic);
        else topics.leaveAll(one);
        if (kind === "subscribe") model.add(`${id} ${topic}`);
        else if (kind === "unsubscribe") model.delete(`${id} ${topic}`);
        else for (const pair of [...model]) if (pair.startsWith(`${id} `)) model.delete(pair);
      }
      const pairs = all.flatMap((one) => [...topics.topicsOf(one)].map((topic) => `${one.id} ${topic}`));
      expect(pairs.sort()).toEqual([...model].sort());
      for (const topic of ["a", "b", "c", "d"])
        expect((topics.list(topic) ?? []).map(({ id }) => `${id} ${topic}`).sort()).toEqual(
          [...model].filter((pair) => pair.endsWith(topic)).sort(),
        );
      for (const one of all) topics.leaveAll(one);
      expect(topics.size).toBe(0);
    }),
    { seed, numRuns: cases(200) },
  );
});
