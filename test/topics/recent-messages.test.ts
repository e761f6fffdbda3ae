import { expect, test } from "vitest";
import { MemoryBudget, RecentMessages } from "../../src/topics/recent-messages.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { EPOCH, entry, idOf, mark, marker } from "../support/fake-driver.ts";

const RULE = { size: 3, ttl: 10_000 };

function stored(offset: number): StoredMessage {
  return new StoredMessage(entry(offset), { topic: "topic", epoch: EPOCH });
}

function recent(from: number, to: number, max = Infinity, rule = RULE) {
  const memory = new MemoryBudget(max);
  const messages = new RecentMessages(rule, memory);
  for (let offset = from; offset <= to; offset++) messages.add(stored(offset), offset * 1_000);
  return { memory, messages };
}

test("it has the newest messages, as many as the rule says", () => {
  const { messages } = recent(1, 5);
  expect(messages.length).toBe(3);
  expect([2, 3, 4, 5].map((offset) => messages.after(mark(offset), 5_000)?.offset)).toEqual([3, 4, 5, undefined]);
  expect(messages.newest(2, 5_000)?.offset).toBe(4);
  expect(messages.newest(4, 5_000)).toBeUndefined();
});

test("markers of lost messages are kept besides the messages, and do not count", () => {
  const { memory, messages } = recent(1, 3);
  const add = (offset: number): void =>
    messages.add(new StoredMessage(marker(offset, idOf(9)), { topic: "topic", epoch: EPOCH }), 3_000);
  add(4);
  add(5);
  expect([messages.length, messages.newest(1, 3_000)?.offset, messages.newest(3, 3_000)?.offset]).toEqual([5, 3, 1]);
  for (const offset of [6, 7, 8]) messages.add(stored(offset), 3_000);
  expect([messages.newest(3, 3_000)?.offset, messages.newest(4, 3_000)]).toEqual([6, undefined]);
  messages.add(stored(9), 3_000);
  expect([messages.length, messages.first?.offset]).toEqual([3, 7]);
  messages.clear();
  for (const offset of [10, 11, 12, 13]) messages.add(stored(offset), 3_000);
  expect([messages.length, memory.used]).toEqual([3, stored(10).size * 3]);
});

test("what follows a mark is known if the message is there, or is the one before the oldest", () => {
  const { messages } = recent(1, 5);
  expect([1, 2, 3, 5].map((offset) => messages.knows(mark(offset), 5_000))).toEqual([false, true, true, true]);
  expect([2, 3, 5].map((offset) => messages.knows(mark(offset, "x"), 5_000))).toEqual([false, false, false]);
  expect(messages.knows(mark(6), 5_000)).toBe(false);
});

test("numbers may have holes: a message is found by its number and its id", () => {
  const messages = new RecentMessages({ size: 10, ttl: 10_000 }, new MemoryBudget(Infinity));
  for (const offset of [2, 5, 9, 14]) messages.add(stored(offset), 0);
  expect([2, 5, 9].map((offset) => messages.after(mark(offset), 5_000)?.offset)).toEqual([5, 9, 14]);
  expect([3, 4, 6, 13].map((offset) => messages.after(mark(offset), 5_000))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("what is older than the rule says goes, and not before", () => {
  const { messages } = recent(1, 3);
  messages.removeOld(11_000);
  expect(messages.length).toBe(3);
  messages.removeOld(11_001);
  expect(messages.length).toBe(2);
  messages.removeOld(1_000_000);
  expect([messages.length, messages.knows(mark(3), 5_000)]).toEqual([0, false]);
});

test("when there is no more memory, the oldest messages go; all of it is given back", () => {
  const { size } = stored(1);
  const { memory, messages } = recent(1, 3, size * 2);
  expect([messages.length, memory.used, memory.removed]).toEqual([2, size * 2, 1]);
  messages.clear();
  expect([messages.length, memory.used]).toEqual([0, 0]);
});

test("when there is no more memory, the topic that was published to the longest ago loses its messages first", () => {
  const { size } = stored(1);
  const memory = new MemoryBudget(size * 4);
  const [quiet, busy] = [new RecentMessages(RULE, memory), new RecentMessages(RULE, memory)];
  for (const offset of [1, 2, 3]) quiet.add(stored(offset), 0);
  for (const offset of [1, 2, 3]) busy.add(stored(offset), 20_000);
  expect([quiet.length, busy.length, memory.removed]).toEqual([1, 3, 2]);
  quiet.add(stored(4), 0);
  busy.add(stored(4), 20_000);
  expect([quiet.length, busy.length]).toEqual([1, 3]);
  // One that is too large alone.
  const small = new RecentMessages(RULE, new MemoryBudget(10));
  small.add(stored(1), 0);
  expect(small.length).toBe(0);
});

test("what is too old goes from all topics, also from those that nobody uses", () => {
  const memory = new MemoryBudget(Infinity);
  const all = [1, 2, 3].map(() => new RecentMessages(RULE, memory));
  for (const [index, messages] of all.entries()) messages.add(stored(1), index * 1_000);
  all[1]!.clear();
  memory.removeOld(10_001);
  expect([all.map(({ length }) => length), memory.used]).toEqual([[0, 0, 1], stored(1).size]);
  memory.removeOld(100_000);
  expect(memory.used).toBe(0);
});
