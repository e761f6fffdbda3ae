import { describe, expect, test } from "vitest";
import type { Entry, Page } from "../../src/backplane/contract.ts";
import { Forks, findFork } from "../../src/topics/forks.ts";
import { MemoryBudget, RecentMessages } from "../../src/topics/recent-messages.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { EPOCH, entries, entry, idOf, mark, marker } from "../support/fake-driver.ts";

function recentOf(all: readonly Entry[]): RecentMessages {
  const recent = new RecentMessages({ size: 10_000, ttl: 1_000_000 }, new MemoryBudget(Infinity));
  for (const one of all) recent.add(new StoredMessage(one, { topic: "topic", epoch: EPOCH }), performance.now());
  return recent;
}

/** A broker with these messages, and the numbers after which it was read. */
function brokerOf(all: readonly Entry[], pageSize = 1_000, epoch = EPOCH) {
  const reads: number[] = [];
  const { offset, id } = all.at(-1)!;
  const read = (after: number): Promise<Page> => {
    reads.push(after);
    const found = all.filter((one) => one.offset > after).slice(0, pageSize);
    return Promise.resolve({ epoch, top: { epoch, offset, id }, proven: undefined, entries: found });
  };
  return { reads, read };
}

const forked = (at: number, to: number): Entry[] => [entry(at + 1, "x", idOf(at)), ...entries(at + 2, to, "x")];

describe("the last message that both know", () => {
  test.each([
    [5, 3, 4],
    [5, 3, 9],
    [1_000, 990, 1_010],
    [1_000, 400, 700],
    [1_000, 0, 1],
  ])("here up to %i, lost after %i, the broker up to %i", async (here, at, to) => {
    for (const pageSize of [1, 7, 2_000]) {
      const { read } = brokerOf([...entries(1, at), ...forked(at, to)], pageSize);
      expect(await findFork(recentOf(entries(1, here)), mark(here), read)).toEqual(mark(at));
    }
  });

  test("is the broker's newest one, if it has only lost messages", async () => {
    const { read } = brokerOf(entries(1, 3));
    expect(await findFork(recentOf(entries(1, 50)), mark(50), read)).toEqual(mark(3));
  });

  test("is found with one more read for four times as many lost messages", async () => {
    const { reads, read } = brokerOf([...entries(1, 5_000), ...forked(5_000, 8_000)], 10_000);
    await findFork(recentOf(entries(1, 8_000)), mark(8_000), read);
    expect(reads.length).toBeLessThanOrEqual(6);
  });

  test("is not known, if memory does not reach back, has nothing, or the history has begun anew", async () => {
    const stored = [...entries(1, 3), ...forked(3, 9)];
    expect(await findFork(recentOf(entries(5, 8)), mark(8), brokerOf(stored).read)).toBe(undefined);
    expect(await findFork(recentOf([]), mark(8), brokerOf(stored).read)).toBe(undefined);
    expect(await findFork(recentOf(entries(1, 8)), mark(8), brokerOf(stored, 10, "epoch--2").read)).toBe(undefined);
  });
});

describe("what is known of forks", () => {
  test("whoever resumes from before one may have missed messages, until the history begins anew", () => {
    const forks = new Forks<string>();
    forks.onFork(mark(3), [idOf(4), idOf(5)], ["ann"]);
    expect([mark(3), mark(4, "x"), { ...mark(1), epoch: "epoch--2" }].map((one) => forks.isAcross(one))).toEqual([
      true,
      false,
      false,
    ]);
    forks.clear();
    expect([forks.isAcross(mark(3)), forks.unmarked]).toEqual([false, undefined]);
  });

  test("it is unmarked until a marker of the same message was read", () => {
    const forks = new Forks<string>();
    forks.onFork(mark(3), [idOf(4), idOf(5)], []);
    const page = { epoch: EPOCH, top: mark(9), proven: undefined };
    forks.onPage({ ...page, entries: [entry(6), marker(7, idOf(4))] });
    expect([forks.unmarked, forks.isAcross(mark(6)), forks.isAcross(mark(7))]).toEqual([idOf(5), true, false]);
    forks.onPage({ ...page, entries: [marker(9, idOf(5))] });
    expect([forks.unmarked, forks.isAcross(mark(8))]).toEqual([undefined, true]);
  });

  test("a broker may tell of its newest marker, which is not in the page", () => {
    const forks = new Forks<string>();
    forks.onFork(mark(3), [idOf(4)], []);
    forks.onPage({ epoch: EPOCH, top: mark(9), proven: undefined, fork: 7, entries: [entry(5)] });
    expect([forks.unmarked, forks.isAcross(mark(6)), forks.isAcross(mark(7))]).toEqual([idOf(4), true, false]);
  });

  test("those who were told of it, and are still there, need not be told again", () => {
    const forks = new Forks<string>();
    forks.onFork(mark(3), [idOf(4), idOf(5)], ["ann", "bob"]);
    forks.delete("bob");
    expect(["ann", "bob", "eve"].map((one) => forks.isTold(one, idOf(4)))).toEqual([true, false, false]);
    expect(forks.isTold("ann", idOf(6))).toBe(false);
  });

  test("a marker of another history says nothing of the one before it", () => {
    const forks = new Forks<string>();
    forks.onFork(mark(30), [idOf(31)], ["ann"]);
    forks.onMarker({ epoch: "epoch--2", offset: 5 }, idOf(9));
    expect([forks.unmarked, forks.isAcross(mark(30)), forks.isAcross({ ...mark(4), epoch: "epoch--2" })]).toEqual([
      undefined,
      false,
      true,
    ]);
  });
});
