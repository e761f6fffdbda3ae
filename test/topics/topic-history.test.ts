import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/backplane/contract.ts";
import { NO_ID } from "../../src/backplane/ids.ts";
import { memberHead } from "../../src/backplane/member-record.ts";
import { positionOf } from "../../src/backplane/position.ts";
import { RecordKind } from "../../src/backplane/record.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import type { TopicHistory } from "../../src/topics/topic-history.ts";
import { EPOCH, entries, entry, idOf, mark } from "../support/fake-driver.ts";
import { cases, seed } from "../support/fuzz.ts";
import { type Reader, historyRig } from "../support/history-rig.ts";
import { turns } from "../support/wire.ts";

/** Delivers messages as one packet. */
function deliver(history: TopicHistory<Reader>, sent: readonly Entry[], epoch = EPOCH): void {
  const [first] = sent;
  history.onRecords(
    { epoch, first: first!.offset, before: first!.before! },
    sent.map(({ record }) => record),
  );
}

describe("live messages", () => {
  test("that follow each other are delivered", async () => {
    const { driver, history, counters, join } = historyRig();
    driver.store(...entries(1, 3));
    const { reader, joined } = join();
    expect(await joined).toMatchObject({ live: true, replayed: 0 });
    deliver(history, entries(4, 5));
    deliver(history, entries(6, 6));
    expect(reader.got).toEqual(["4", "5", "6"]);
    expect(counters).toMatchObject({ received: 3, duplicates: 0 });
  });

  test("that came before are dropped", async () => {
    const { history, counters, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    deliver(history, entries(1, 3));
    deliver(history, entries(2, 3));
    deliver(history, entries(4, 4));
    expect(reader.got).toEqual(["1", "2", "3", "4"]);
    expect(counters.duplicates).toBe(2);
  });

  test("after a hole are held until what is missing was read", async () => {
    const { driver, history, counters, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    driver.store(...entries(1, 6));
    deliver(history, entries(1, 1));
    deliver(history, entries(4, 4));
    deliver(history, entries(5, 6));
    expect(reader.got).toEqual(["1"]);
    await turns();
    expect(reader.got).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(driver.reads).toEqual([-1, 1]);
    expect(counters.gaps).toEqual({ reset: 0, fork: 0, trimmed: 0 });
    deliver(history, entries(7, 7));
    expect(reader.got.at(-1)).toBe("7");
  });

  test("that come while a page is read, and are not in it, follow it", async () => {
    const { driver, history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    driver.store(...entries(1, 3));
    driver.before = async () => {
      driver.before = () => Promise.resolve();
      await turns();
    };
    deliver(history, entries(3, 3));
    deliver(history, entries(4, 4));
    await turns();
    driver.store(...entries(4, 4));
    await turns();
    await turns();
    expect(reader.got).toEqual(["1", "2", "3", "4"]);
  });

  test("are not missed between the first read and the join", async () => {
    const { driver, history, join } = historyRig();
    driver.store(...entries(1, 2));
    let goOn = (): void => undefined;
    driver.before = () => new Promise((resolve) => (goOn = resolve));
    const { reader, joined } = join();
    await turns();
    const before = driver.top;
    driver.store(entry(3));
    deliver(history, entries(3, 3));
    // The broker answers with what it had when it was asked.
    driver.stored.pop();
    driver.top = before;
    goOn();
    await joined;
    expect(reader.got).toEqual(["3"]);
  });

  test.each(["oldest first", "newest first"])("in any order are delivered in theirs, each once: %s", async (order) => {
    const { driver, history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    driver.store(...entries(1, 50));
    const sent = order === "oldest first" ? entries(1, 50) : entries(1, 50).reverse();
    for (const one of sent) deliver(history, [one]);
    await turns();
    await turns();
    expect(reader.got).toEqual(Array.from({ length: 50 }, (_, index) => String(index + 1)));
  });
});

describe("a subscriber that leaves and comes back", () => {
  test("in one turn is subscribed", async () => {
    const { history, join } = historyRig();
    const { reader, joined } = join();
    history.leave(reader);
    const again = history.join(reader, { isFramed: false, last: 0 });
    expect([(await joined).live, (await again).live]).toEqual([false, true]);
    deliver(history, entries(1, 1));
    expect(reader.got).toEqual(["1"]);
  });

  test("while it is slow is subscribed, and the old reading does not end the new subscription", async () => {
    const { history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    reader.fates = ["slow"];
    deliver(history, entries(1, 3));
    await turns();
    history.leave(reader);
    const again = history.join(reader, { isFramed: false, last: 0 });
    reader.drain();
    expect(await again).toMatchObject({ live: true });
    deliver(history, entries(4, 4));
    await turns();
    expect(reader.got).toEqual(["1", "4"]);
  });

  test("a second join is the first one, also later; a subscriber leaves nothing", async () => {
    const { driver, history, join } = historyRig();
    driver.store(...entries(1, 3));
    const { reader, joined } = join({ since: positionOf(mark(1)) });
    const first = await joined;
    expect(await history.join(reader, { isFramed: false, last: 0 })).toBe(first);
    history.leave(reader);
    expect(history.isUnused).toBe(true);
  });
});

describe("while messages are read", () => {
  test("more are published than are held: all of them are delivered", async () => {
    const { driver, history, join } = historyRig(10_000);
    const { reader, joined } = join();
    await joined;
    driver.store(...entries(1, 3));
    deliver(history, entries(3, 3));
    for (const one of entries(4, 2_500)) {
      driver.store(one);
      deliver(history, [one]);
    }
    for (let n = 0; n < 30; n++) await turns();
    expect(reader.got.map(Number)).toEqual(Array.from({ length: 2_500 }, (_, index) => index + 1));
  });

  test("a read that fails is reported once, and the next message reads again", async () => {
    const { driver, history, join, failures } = historyRig();
    const { reader, joined } = join();
    await joined;
    driver.store(...entries(1, 3));
    driver.before = () => Promise.reject(new Error("away"));
    deliver(history, entries(2, 2));
    deliver(history, entries(3, 3));
    for (let n = 0; n < 5; n++) await turns();
    expect([driver.reads, failures.length]).toEqual([[-1, 0], 1]);
    driver.before = () => Promise.resolve();
    driver.store(entry(4));
    deliver(history, entries(4, 4));
    await turns();
    expect(reader.got).toEqual(["1", "2", "3", "4"]);
  });

  test("whoever asks for a foreign position stops nobody", async () => {
    const { driver, history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    const foreign = join({ since: positionOf({ ...mark(9), epoch: "foreign-" }) });
    driver.store(entry(1));
    deliver(history, entries(1, 1));
    expect(reader.got).toEqual(["1"]);
    expect(await foreign.joined).toMatchObject({ recovered: false, live: true });
  });
});

test.each([
  ["one without and one with header lines", [{}, { isFramed: true }], 0],
  ["only a slow one", [{}], 1],
  ["nobody", [{}], 2],
] as const)("bytes that are not ours are counted once: with %s", async (_name, joins, gone) => {
  const { driver, history, counters, join } = historyRig();
  const readers = joins.map((options) => join(options));
  for (const { joined } of readers) await joined;
  driver.store(...entries(1, 1));
  if (gone > 0) readers[0]!.reader.fates = ["slow"];
  deliver(history, entries(1, 1));
  if (gone > 1) history.leave(readers[0]!.reader);
  const record = memberHead(RecordKind.join, idOf(2)) as unknown as Bytes;
  const foreign = { offset: 2, id: idOf(2), before: idOf(1), record };
  driver.store(foreign);
  deliver(history, [foreign]);
  await turns();
  for (const { reader } of readers) reader.drain();
  await turns();
  deliver(history, entries(3, 3));
  await turns();
  expect([counters.foreign, readers[0]!.reader.got]).toEqual([1, gone > 1 ? ["1"] : ["1", "3"]]);
});

describe("a topic that is forgotten", () => {
  /** The page of one of its next reads comes when `answer` is called. */
  async function readingRig(waiting = 1) {
    const rig = historyRig();
    const { reader, joined } = rig.join();
    await joined;
    rig.history.leave(reader);
    rig.driver.store(...entries(1, 3));
    let answer = (): void => undefined;
    rig.driver.before = () => (--waiting === 0 ? new Promise((resolve) => (answer = resolve)) : Promise.resolve());
    return { ...rig, answer: () => answer() };
  }

  test("while a page is read keeps none of its messages, and the read ends", async () => {
    const { history, context, answer } = await readingRig();
    const syncing = history.sync();
    deliver(history, entries(5, 6));
    history.end();
    answer();
    await syncing;
    expect([context.memory.used, history.last.offset]).toEqual([0, 0]);
  });

  test("while a lost place is looked for ends too", async () => {
    const { driver, history, context, answer } = await readingRig(2);
    deliver(history, entries(1, 2));
    driver.stored = entries(1, 3, "x");
    driver.top = mark(3, "x");
    const syncing = history.sync();
    await turns();
    history.end();
    answer();
    await syncing;
    expect(context.memory.used).toBe(0);
  });

  test("is not read any more, also if it waits to be checked", async () => {
    const { driver, history, context } = await readingRig(0);
    history.end();
    const before = driver.reads.length;
    await history.sync();
    expect([driver.reads.length, context.memory.used]).toEqual([before, 0]);
  });
});

test("who has published a message while he joined does not get it", async () => {
  const excepts = new Map<string, Set<Reader>>();
  const { driver, history, join } = historyRig(100, (id) => excepts.get(id));
  const { reader, joined } = join();
  driver.store(entry(1));
  driver.stored.pop();
  driver.top = mark(0);
  excepts.set(idOf(1), new Set([reader]));
  deliver(history, entries(1, 1));
  deliver(history, entries(2, 2));
  await joined;
  await turns();
  expect(reader.got).toEqual(["2"]);
});

describe("a gap", () => {
  test("reset: another epoch; all of the new history is delivered", async () => {
    const { driver, history, counters, join } = historyRig();
    driver.store(...entries(1, 5));
    const { reader, joined } = join();
    await joined;
    driver.stored = entries(1, 3);
    driver.top = { ...mark(3), epoch: "epoch--2" };
    deliver(history, entries(3, 3), "epoch--2");
    await turns();
    deliver(history, entries(4, 4), "epoch--2");
    expect(reader.got).toEqual(["gap reset at 0", "1", "2", "3", "4"]);
    expect(counters.gaps).toEqual({ reset: 1, fork: 0, trimmed: 0 });
  });

  test("trimmed: messages were removed before they were read", async () => {
    const { driver, history, join } = historyRig();
    const { reader, joined } = join({ isFramed: true });
    await joined;
    driver.stored = entries(8, 9);
    driver.top = mark(9);
    await history.sync();
    await turns();
    expect(reader.got).toEqual(["s - topic", "gap trimmed at 7", "g trimmed topic", "m - topic: 8", "m - topic: 9"]);
  });

  test("fork: the broker has lost its newest messages, and counts on", async () => {
    const { driver, history, join } = historyRig();
    driver.store(...entries(1, 5));
    const { reader, joined } = join();
    await joined;
    driver.stored = [...entries(1, 3), entry(4, "x", idOf(3)), ...entries(5, 6, "x")];
    driver.top = mark(6, "x");
    await history.sync();
    await turns();
    expect(reader.got).toEqual(["gap fork at 5", "x6"]);
  });
});

describe("a slow subscriber", () => {
  test("gets the rest from memory when it has drained, then it is live again", async () => {
    const { driver, history, counters, join } = historyRig();
    const [slow, fast] = [join(), join()];
    await Promise.all([slow.joined, fast.joined]);
    slow.reader.fates = ["accepted", "slow"];
    deliver(history, entries(1, 6));
    expect([slow.reader.got.length, fast.reader.got.length]).toEqual([2, 6]);
    expect(counters.catchUps).toBe(1);
    await turns();
    slow.reader.drain();
    await turns();
    expect(slow.reader.got).toEqual(["1", "2", "3", "4", "5", "6"]);
    deliver(history, entries(7, 7));
    expect(slow.reader.got.at(-1)).toBe("7");
    expect(driver.reads).toEqual([-1]);
  });

  test("that has dropped a message gets it later", async () => {
    const { history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    reader.fates = ["dropped", "dropped"];
    deliver(history, entries(1, 2));
    for (let n = 0; n < 3; n++) {
      await turns();
      reader.drain();
    }
    await turns();
    expect(reader.got).toEqual(["1", "2"]);
  });

  test("over which the history rolls is told, and goes on with the oldest message", async () => {
    const { driver, history, counters, join } = historyRig(3);
    const { reader, joined } = join();
    await joined;
    reader.fates = ["slow"];
    deliver(history, entries(1, 9));
    driver.stored = entries(7, 9);
    driver.top = mark(9);
    await turns();
    reader.drain();
    await turns();
    expect(reader.got).toEqual(["1", "gap trimmed at 6", "7", "8", "9"]);
    expect(counters.gaps.trimmed).toBe(1);
  });

  test("that leaves gets nothing more", async () => {
    const { history, join } = historyRig();
    const { reader, joined } = join();
    await joined;
    reader.fates = ["slow"];
    deliver(history, entries(1, 3));
    await turns();
    history.leave(reader);
    reader.drain();
    await turns();
    expect([reader.got, history.isUnused]).toEqual([["1"], true]);
  });

  test("whose broker is away waits, and loses nothing", async () => {
    const { driver, history, join } = historyRig(2);
    const { reader, joined } = join();
    await joined;
    reader.fates = ["slow"];
    driver.store(...entries(1, 9));
    deliver(history, entries(1, 9));
    let failures = 0;
    driver.before = () => (failures++ < 1 ? Promise.reject(new Error("away")) : Promise.resolve());
    await turns();
    reader.drain();
    await expect.poll(() => reader.got.length, { timeout: 5_000 }).toBe(9);
    expect(reader.got.at(-1)).toBe("9");
  });
});

describe("since", () => {
  test("is proved by the broker, if memory does not have it", async () => {
    const { driver, history, join } = historyRig(2);
    driver.store(...entries(1, 9));
    await join().joined;
    deliver(history, entries(10, 10));
    driver.store(entry(10));
    const { reader, joined } = join({ since: positionOf(mark(4)) });
    expect(await joined).toMatchObject({ recovered: true, replayed: 6 });
    expect(reader.got).toEqual(["5", "6", "7", "8", "9", "10"]);
  });

  test("a position that another process has seen, and this one not yet, is read first", async () => {
    const { driver, join } = historyRig();
    await join().joined;
    driver.store(...entries(1, 3));
    const { reader, joined } = join({ since: positionOf(mark(2)) });
    expect(await joined).toMatchObject({ recovered: true, replayed: 1 });
    expect(reader.got).toEqual(["3"]);
  });

  test("is read page by page", async () => {
    const { driver, join } = historyRig(1);
    driver.store(...entries(1, 20));
    driver.pageSize = 3;
    const { reader, joined } = join({ since: positionOf(mark(1)) });
    expect(await joined).toMatchObject({ recovered: true, replayed: 19 });
    expect(reader.got.map(Number)).toEqual(Array.from({ length: 19 }, (_, index) => index + 2));
  });

  test("many that come with the same position cause one read", async () => {
    const { driver, join } = historyRig(1);
    driver.store(...entries(1, 20));
    await join().joined;
    const before = driver.reads.length;
    const all = Array.from({ length: 100 }, () => join({ since: positionOf(mark(10)) }));
    for (const { joined } of all) expect(await joined).toMatchObject({ recovered: true, replayed: 10 });
    expect(driver.reads.length - before).toBeLessThanOrEqual(2);
  });

  test("a join that the broker refuses rejects, and leaves nothing", async () => {
    const { driver, history, join } = historyRig();
    driver.before = () => Promise.reject(new Error("away"));
    await expect(join().joined).rejects.toThrow("away");
    expect(history.isUnused).toBe(true);
  });
});

test("whatever is lost, doubled or late between broker and process, each subscriber gets each message once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ action: fc.constantFrom("send", "lose", "double", "slow", "drain", "join", "turn") }), {
        maxLength: 60,
      }),
      async (steps) => {
        const { driver, history, join } = historyRig(1_000);
        const readers: { reader: Reader; from: number }[] = [];
        let newest = 0;
        for (const { action } of steps) {
          if (action === "join") {
            await turns();
            const from = readers.length === 0 ? newest : history.last.offset;
            const { reader, joined } = join();
            await joined;
            readers.push({ reader, from });
          } else if (action === "slow") for (const { reader } of readers) reader.fates = ["slow"];
          else if (action === "drain") for (const { reader } of readers) reader.drain();
          else if (action === "turn") await turns();
          else {
            const sent = entry(++newest);
            driver.store(sent);
            if (action !== "lose") deliver(history, [sent]);
            if (action === "double") deliver(history, [sent]);
          }
        }
        for (let n = 0; n < 4; n++) {
          await history.sync();
          await turns();
          for (const { reader } of readers) {
            reader.fates = [];
            reader.drain();
          }
          await turns();
        }
        for (const { reader, from } of readers)
          expect(reader.got.map(Number)).toEqual(Array.from({ length: newest - from }, (_, index) => from + index + 1));
      },
    ),
    { seed, numRuns: cases(150) },
  );
});

test("a history that was not read has no newest message", () => {
  expect(historyRig().history.last).toEqual({ epoch: "", offset: 0, id: NO_ID });
});
