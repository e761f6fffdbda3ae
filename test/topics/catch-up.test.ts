import { expect, test } from "vitest";
import { CatchUp, type ReadableHistory } from "../../src/topics/catch-up.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { EPOCH, entries, entry, mark } from "../support/fake-driver.ts";
import { Reader, ReaderCalls } from "../support/history-rig.ts";

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
  return { reader, live, gaps, catchUp: new CatchUp(history, reader, new ReaderCalls(), false) };
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
    await new Promise((resolve) => setImmediate(resolve));
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
