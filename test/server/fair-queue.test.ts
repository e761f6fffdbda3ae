import { describe, expect, test } from "vitest";
import { FairQueue } from "../../src/server/fair-queue.ts";

interface One {
  readonly address: string;
  readonly id: number;
}

function queueOf(...addresses: readonly string[]): { queue: FairQueue<One>; all: readonly One[] } {
  const queue = new FairQueue<One>();
  const all = addresses.map((address, id) => ({ address, id }));
  for (const one of all) queue.add(one);
  return { queue, all };
}

describe("the oldest", () => {
  test("is the first that came when no address has more than its share", () => {
    const { queue, all } = queueOf("a", "b", "b", "c");
    expect(queue.oldest(2)).toBe(all[0]);
    queue.remove(all[0]!);
    expect(queue.oldest(2)).toBe(all[1]);
  });

  test("is the first of an address with more than its share, even if others came before", () => {
    const { queue, all } = queueOf("a", "c", "b", "b", "b");
    expect(queue.oldest(2)).toBe(all[2]);
    queue.remove(all[2]!);
    expect(queue.oldest(2)).toBe(all[0]);
  });

  test("is undefined when there is none", () => {
    expect(new FairQueue<One>().oldest(1)).toBeUndefined();
  });
});

test("what was removed is not there any more, and can be removed again", () => {
  const { queue, all } = queueOf("a", "b", "a");
  for (const one of all) {
    queue.remove(one);
    queue.remove(one);
  }
  expect([queue.size, [...queue], queue.oldest(0)]).toEqual([0, [], undefined]);
  queue.add(all[1]!);
  expect([queue.size, [...queue]]).toEqual([1, [all[1]]]);
});
