import { expect, test, vi } from "vitest";
import { CatchUp, type ReadableHistory } from "../../src/topics/catch-up.ts";
import { PageTurns } from "../../src/topics/page-turns.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { PageMemory } from "../../src/topics/waiting-page.ts";
import { EPOCH, entries, entry, mark } from "../support/fake-driver.ts";
import { Reader, ReaderCalls } from "../support/history-rig.ts";

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function rig(newest: number, more: Partial<ReadableHistory<Reader>> = {}) {
  const live: Reader[] = [];
  const gaps: string[] = [];
  const history: ReadableHistory<Reader> = {
    topic: "topic",
    size: 1_000,
    last: mark(newest),
    next: ({ offset }) => new StoredMessage(entry(offset + 1), { topic: "topic", epoch: EPOCH }),
    readAfter: () => expect.unreachable(),
    sync: () => Promise.resolve(),
    onCaughtUp: (reader) => void live.push(reader),
    noteGap: (reason) => void gaps.push(reason),
    isTold: () => false,
    ...more,
  };
  const reader = new Reader(1);
  const context = { receivers: new ReaderCalls(), turns: new PageTurns<Reader>(), pages: new PageMemory() };
  return { reader, live, gaps, history, context, catchUp: new CatchUp(history, reader, context, false) };
}

test("who has the newest message is live in the same turn", () => {
  const { reader, live, catchUp } = rig(5);
  void catchUp.run(mark(5));
  expect(live).toEqual([reader]);
});

test("a long history is sent in several turns of the event loop", async () => {
  const { reader, live, catchUp } = rig(600);
  const running = catchUp.run(mark(0));
  expect(reader.got).toHaveLength(256);
  expect(await running).toBe(true);
  expect([reader.got.length, catchUp.sent, live.length]).toEqual([600, 600, 1]);
});

test("who has ended meanwhile gets nothing more, and is not live", async () => {
  const { reader, live, catchUp } = rig(600);
  const running = catchUp.run(mark(0));
  catchUp.isEnded = true;
  expect([await running, reader.got.length, live]).toEqual([false, 256, []]);
});

test("whose connection is closed while it is slow is not live", async () => {
  const { reader, live, catchUp } = rig(5);
  reader.fates = ["slow"];
  const running = catchUp.run(mark(0));
  reader.isGone = true;
  await Promise.resolve();
  reader.drain();
  expect([await running, live]).toEqual([false, []]);
});

test("a connection that always drops does not stop the others: each try has a turn of its own", async () => {
  const { reader, catchUp } = rig(5);
  reader.fates = Array.from({ length: 20 }, () => "dropped" as const);
  const running = catchUp.run(mark(0));
  for (let n = 0; n < 50 && reader.got.length < 5; n++) {
    await nextTurn();
    reader.drain();
  }
  expect([await running, reader.got]).toEqual([true, ["1", "2", "3", "4", "5"]]);
});

test("after a reset it reads the new history from its beginning", async () => {
  const epoch = "epoch--2";
  const top = { ...mark(2), epoch };
  const { reader, gaps, catchUp } = rig(2, {
    last: top,
    next: () => undefined,
    readAfter: ({ offset }) => Promise.resolve({ epoch, top, proven: undefined, entries: entries(offset + 1, 2) }),
  });
  expect(await catchUp.run(mark(1))).toBe(true);
  expect([reader.got, gaps]).toEqual([["gap reset at 0", "1", "2"], ["reset"]]);
  expect(catchUp.hasGap).toBe(true);
});

test("a broker that fails rejects, and it goes on where it was", async () => {
  let fails = true;
  const { reader, catchUp } = rig(3, {
    next: () => undefined,
    readAfter: ({ offset }) => {
      if (fails) return Promise.reject(new Error("away"));
      return Promise.resolve({ epoch: EPOCH, top: mark(3), proven: undefined, entries: entries(offset + 1, 3) });
    },
  });
  await expect(catchUp.run(mark(1))).rejects.toThrow("away");
  fails = false;
  expect([await catchUp.run(), reader.got]).toEqual([true, ["2", "3"]]);
});

test("what it does not get is remembered for as many messages as the history keeps", async () => {
  const { reader, catchUp } = rig(5, { size: 2 });
  for (const offset of [1, 4, 5]) catchUp.skip(entry(offset).id);
  expect(await catchUp.run(mark(0))).toBe(true);
  expect(reader.got).toEqual(["1", "2", "3"]);
});

/** Catch-ups of one slow reader in five topics, with two messages each to read. */
function slowRig(more: Partial<ReadableHistory<Reader>> = {}) {
  const { reader, context, live, history } = rig(2, { next: () => undefined, ...more });
  const reads: number[] = [];
  const readAfter: typeof history.readAfter = async (at) => {
    reads.push(at.offset);
    return (await more.readAfter?.(at)) ?? { epoch: EPOCH, top: mark(2), proven: undefined, entries: entries(1, 2) };
  };
  reader.fates = ["slow"];
  const five = [1, 2, 3, 4, 5].map(() => new CatchUp({ ...history, readAfter }, reader, context, false));
  return { reader, reads, live, turns: context.turns, five, running: five.map((one) => one.run(mark(0))) };
}

test("a slow connection has two pages at a time, and its other topics follow when it has read them", async () => {
  const { reader, reads, live, turns, running } = slowRig();
  await nextTurn();
  expect([reads.length, reader.got]).toEqual([2, ["1"]]);
  reader.drain();
  expect(await Promise.all(running)).toEqual([true, true, true, true, true]);
  expect([reads.length, reader.got.length, live.length, turns.size]).toEqual([5, 10, 5, 0]);
});

test("a turn is given on by who fails, has ended or is closed; who waited meanwhile reads nothing more", async () => {
  let fails = 2;
  const { five, reads, turns, running } = slowRig({
    readAfter: () => (fails-- > 0 ? Promise.reject(new Error("away")) : new Promise(() => undefined)),
  });
  five[2]!.isEnded = true;
  const settled = await Promise.allSettled(running.slice(0, 3));
  await nextTurn();
  expect([settled.map(({ status }) => status), reads.length]).toEqual([["rejected", "rejected", "fulfilled"], 4]);
  expect(turns.size).toBe(1);
  const closed = slowRig();
  await nextTurn();
  closed.reader.isGone = true;
  closed.reader.drain();
  expect(await Promise.all(closed.running)).toEqual([false, false, false, false, false]);
  expect([closed.reads.length, closed.turns.size]).toEqual([2, 0]);
});

test("what came while it waited for a turn is sent from memory, in order", async () => {
  const kept: StoredMessage[] = [];
  const { reader, reads, five, running } = slowRig({ next: ({ offset }) => kept[offset] });
  await nextTurn();
  for (const n of [1, 2]) kept.push(new StoredMessage(entry(n), { topic: "topic", epoch: EPOCH }));
  reader.drain();
  await Promise.all(running);
  expect([reads.length, five.map(({ sent }) => sent)]).toEqual([2, [2, 2, 2, 2, 2]]);
});

test("what a subscription reads before it begins takes a turn too, and nothing is read for who is gone", async () => {
  const { reader, context, catchUp } = rig(0);
  for (let n = 0; n < 2; n++) void context.turns.take(reader);
  const read = vi.fn(() => Promise.resolve("read"));
  const [first, second] = [catchUp.inTurn(read, "gone"), catchUp.inTurn(read, "gone")];
  await nextTurn();
  expect(read).not.toHaveBeenCalled();
  context.turns.give(reader);
  expect(await first).toBe("read");
  expect(await second).toBe("read");
  reader.isGone = true;
  expect([await catchUp.inTurn(read, "gone"), read.mock.calls.length]).toEqual(["gone", 2]);
});

test("many slow receivers keep no more pages than there is memory for: they read the rest again when they have drained", async () => {
  const { history, context, live } = rig(4, { next: () => undefined });
  const { size } = new StoredMessage(entry(1), { topic: "topic", epoch: EPOCH });
  const pages = new PageMemory(6 * size);
  let reads = 0;
  const readAfter: typeof history.readAfter = ({ offset }) => {
    reads++;
    return Promise.resolve({ epoch: EPOCH, top: mark(4), proven: undefined, entries: entries(offset + 1, 4) });
  };
  const slow = Array.from({ length: 10 }, (_, n) => new Reader(n));
  const running = slow.map((reader) => {
    reader.fates = ["slow", "dropped", "slow"];
    return new CatchUp({ ...history, readAfter }, reader, { ...context, pages }, reader.id % 2 === 0).run(mark(0));
  });
  for (let n = 0; n < 5; n++) await nextTurn();
  expect([reads, pages.isOver]).toEqual([10, false]);
  for (let n = 0; n < 20; n++) {
    for (const reader of slow) reader.drain();
    await nextTurn();
    expect(pages.isOver).toBe(false);
  }
  expect(await Promise.all(running)).toEqual(slow.map(() => true));
  const got = slow.map((reader) => reader.got.map((text) => text.replace("m - topic: ", "")));
  expect(got).toEqual(slow.map(() => ["1", "2", "3", "4"]));
  expect([live.length, pages.used, context.turns.size]).toEqual([10, 0, 0]);
});

test("who is slow while there is memory reads nothing again", async () => {
  const { reader, reads, running } = slowRig();
  reader.fates = ["slow", "dropped", "slow", "slow"];
  for (let n = 0; n < 10; n++) {
    await nextTurn();
    reader.drain();
  }
  await Promise.all(running);
  expect(reads.length).toBe(5);
});
