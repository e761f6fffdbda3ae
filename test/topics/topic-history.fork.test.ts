import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/backplane/contract.ts";
import { positionOf } from "../../src/backplane/position.ts";
import { HawserError } from "../../src/errors/errors.ts";
import type { TopicHistory } from "../../src/topics/topic-history.ts";
import { EPOCH, FakeDriver, entries, entry, idOf, mark, marker } from "../support/fake-driver.ts";
import { cases, seed } from "../support/fuzz.ts";
import { type Reader, historyRig } from "../support/history-rig.ts";
import { turns } from "../support/wire.ts";

/** Delivers messages as one packet. */
function deliver(history: TopicHistory<Reader>, ...sent: readonly Entry[]): void {
  const [first] = sent;
  history.onRecords(
    { epoch: EPOCH, first: first!.offset, before: first!.before! },
    sent.map(({ record }) => record),
  );
}

/** The broker has lost what came after a number, and has counted on. */
function fork(driver: FakeDriver, at: number, to: number): void {
  driver.stored = [...driver.stored.filter(({ offset }) => offset <= at), entry(at + 1, "x", idOf(at))];
  driver.store(...entries(at + 2, to, "x"));
  driver.top = mark(to, "x");
}

/** A topic of which five messages were delivered to a subscriber. */
async function liveRig() {
  const rig = historyRig();
  const { reader, joined } = rig.join();
  await joined;
  rig.driver.store(...entries(1, 5));
  deliver(rig.history, ...entries(1, 5));
  return { ...rig, reader };
}

describe("when the broker has lost its newest messages", () => {
  test("delivery goes on after the last one that is not lost, and a marker is stored, once", async () => {
    const { driver, history, reader, markers, counters } = await liveRig();
    fork(driver, 3, 6);
    deliver(history, entry(6, "x"));
    await turns();
    expect(reader.got.slice(5)).toEqual(["gap fork at 3", "x4", "x5", "x6"]);
    expect([markers, counters.gaps.fork]).toEqual([[idOf(5)], 1]);
    const stored = marker(7, idOf(5), idOf(6, "x"));
    deliver(history, stored, entry(8, "x", stored.id));
    await turns();
    history.markFork();
    expect(reader.got.slice(9)).toEqual(["x8"]);
    expect([markers.length, counters.gaps.fork, counters.foreign]).toEqual([1, 1, 0]);
  });

  test("and nothing came after them, delivery waits for the next message", async () => {
    const { driver, history, reader } = await liveRig();
    driver.stored = entries(1, 3);
    driver.top = mark(3);
    await history.sync();
    driver.store(entry(4, "x", idOf(3)));
    deliver(history, entry(4, "x", idOf(3)));
    await turns();
    expect(reader.got.slice(5)).toEqual(["gap fork at 3", "x4"]);
  });

  test("a marker that another process has stored is enough", async () => {
    const { driver, history, reader, markers } = await liveRig();
    fork(driver, 3, 4);
    const stored = marker(5, idOf(5), idOf(4, "x"));
    driver.store(stored, entry(6, "x", stored.id));
    await history.sync();
    await turns();
    expect([reader.got.slice(5), markers]).toEqual([["gap fork at 3", "x4", "x6"], []]);
  });

  test("a marker that could not be stored is stored later", async () => {
    const { driver, history, markers, failures, context } = await liveRig();
    const storeMarker = context.storeMarker.bind(context);
    context.storeMarker = () => Promise.reject(new HawserError("HWS_BACKPLANE_FAILED"));
    fork(driver, 3, 4);
    await history.sync();
    await turns();
    expect([markers, failures.length]).toEqual([[], 1]);
    context.storeMarker = storeMarker;
    history.markFork();
    history.markFork();
    expect(markers).toEqual([idOf(5)]);
  });

  test("a marker that could not be stored is stored later also if the topic was forgotten", async () => {
    const { driver, history, reader, markers, context } = await liveRig();
    const storeMarker = context.storeMarker.bind(context);
    context.storeMarker = () => Promise.reject(new HawserError("HWS_BACKPLANE_FAILED"));
    fork(driver, 3, 4);
    await history.sync();
    await turns();
    history.leave(reader);
    history.end();
    expect([...context.unmarked]).toEqual([history]);
    context.storeMarker = storeMarker;
    history.markFork();
    await turns();
    expect([markers, context.unmarked.size]).toEqual([[idOf(5)], 0]);
  });

  test("who joins before the marker comes is not told of what was lost before, nor twice", async () => {
    const { driver, history, join, counters } = await liveRig();
    fork(driver, 3, 6);
    await history.sync();
    const [fresh, back] = [join(), join({ since: positionOf(mark(2)), last: 1 })];
    expect(await fresh.joined).toMatchObject({ live: true });
    expect(await back.joined).toMatchObject({ recovered: false });
    const before = counters.gaps.fork;
    const stored = marker(7, idOf(5), idOf(6, "x"));
    driver.store(stored, entry(8, "x", stored.id));
    deliver(history, stored, entry(8, "x", stored.id));
    await turns();
    expect([fresh.reader.got, back.reader.got, counters.gaps.fork]).toEqual([["x8"], ["x6", "x8"], before]);
  });

  test("slow subscribers are told too, where they are or where it goes on, and get no lost message", async () => {
    const { driver, history, join } = historyRig(2);
    const [behindFork, afterFork] = [join(), join()];
    await Promise.all([behindFork.joined, afterFork.joined]);
    behindFork.reader.fates = ["accepted", "slow"];
    afterFork.reader.fates = ["accepted", "accepted", "accepted", "slow"];
    driver.store(...entries(1, 6));
    deliver(history, ...entries(1, 6));
    fork(driver, 3, 5);
    // Memory reaches back to 4 only.
    driver.stored = [...entries(1, 4), entry(5, "x", idOf(4))];
    await history.sync();
    for (const { reader } of [behindFork, afterFork]) reader.drain();
    await turns();
    expect(behindFork.reader.got).toEqual(["1", "2", "gap fork at 2", "3", "4", "x5"]);
    expect(afterFork.reader.got).toEqual(["1", "2", "3", "4", "gap fork at 4", "x5"]);
  });

  test("a subscriber that finds it first has the process find out how much", async () => {
    const { driver, history, join } = historyRig(1);
    const { reader, joined } = join();
    await joined;
    reader.fates = ["slow"];
    driver.store(...entries(1, 6));
    deliver(history, ...entries(1, 6));
    driver.stored = entries(1, 4);
    driver.top = mark(4);
    await turns();
    reader.drain();
    await turns();
    expect([reader.got, history.last]).toEqual([["1", "2", "3", "4", "gap fork at 4"], mark(4)]);
  });
});

test("who resumes while messages go missing is told so when it has got the rest", async () => {
  const { driver, history, join } = historyRig();
  driver.pageSize = 1;
  driver.store(...entries(1, 5));
  await join().joined;
  const { reader, joined } = join({ since: positionOf(mark(1)), isFramed: true });
  reader.fates = ["accepted", "slow"];
  await turns();
  // Number 3 was trimmed, or is another message now.
  driver.stored = driver.stored.filter(({ offset }) => offset > 3);
  reader.drain();
  expect(await joined).toMatchObject({ recovered: false, replayed: 3 });
  expect(reader.got).toEqual([
    "s 1 topic",
    "m - topic: 2",
    "gap trimmed at 3",
    "g trimmed topic",
    ...["m - topic: 4", "m - topic: 5"],
  ]);
  expect(history.last).toEqual(mark(5));
});

describe("a marker", () => {
  test("tells those who have not seen the lost messages, live or from the history", async () => {
    const { driver, history, join } = historyRig();
    const [live, slow] = [join({ isFramed: true }), join()];
    await Promise.all([live.joined, slow.joined]);
    slow.reader.fates = ["slow"];
    const sent = [...entries(1, 3), marker(4, "lost-message-id-", idOf(3)), entry(5, "", idOf(4, "m"))];
    driver.store(...sent);
    deliver(history, ...sent);
    await turns();
    slow.reader.drain();
    await turns();
    expect(slow.reader.got).toEqual(["1", "2", "3", "gap fork at 4", "5"]);
    expect(live.reader.got.slice(4)).toEqual(["gap fork at 4", "g fork topic", "m - topic: 5"]);
  });

  test.each([
    ["memory", 100, 100],
    ["the broker", 1, 100],
    ["the broker, in another page", 1, 1],
  ])("who resumes from before it, by %s, is told that something may be missing", async (_what, size, pageSize) => {
    const { driver, history, counters, join } = historyRig(size);
    driver.pageSize = pageSize;
    await join().joined;
    const sent = [...entries(1, 3), marker(4, "lost-message-id-", idOf(3)), entry(5, "", idOf(4, "m")), entry(6)];
    driver.store(...sent);
    deliver(history, ...sent);
    const [before, after] = [join({ since: positionOf(mark(2)) }), join({ since: positionOf(mark(5)) })];
    expect(await before.joined).toMatchObject({ recovered: false });
    expect(await after.joined).toMatchObject({ recovered: true, replayed: 1 });
    expect(counters).toMatchObject({ recovered: 1, unrecovered: 1 });
  });

  test("in a page that follows is told where it is, and then it is known", async () => {
    const { driver, join } = historyRig(1);
    driver.pageSize = 1;
    driver.store(...entries(1, 3), marker(4, "lost-message-id-", idOf(3)), entry(5, "", idOf(4, "m")));
    const first = join({ since: positionOf(mark(1)) });
    expect(await first.joined).toMatchObject({ recovered: false, replayed: 3 });
    expect(first.reader.got).toEqual(["2", "3", "gap fork at 4", "5"]);
    const second = join({ since: positionOf(mark(1)) });
    expect(await second.joined).toMatchObject({ recovered: false, replayed: 0 });
  });

  test("in a page that follows is known at once, if the broker tells of it", async () => {
    const { driver, join } = historyRig(1);
    driver.pageSize = 1;
    driver.store(...entries(1, 3), marker(4, "lost-message-id-", idOf(3)), entry(5, "", idOf(4, "m")));
    driver.fork = 4;
    const { reader, joined } = join({ since: positionOf(mark(1)), isFramed: true });
    expect(await joined).toMatchObject({ recovered: false, replayed: 0 });
    expect(reader.got).toEqual(["s 0 topic"]);
  });

  test("is not told to those who only want the newest messages", async () => {
    const { driver, join } = historyRig();
    driver.store(...entries(1, 3), marker(4, "lost-message-id-", idOf(3)), entry(5, "", idOf(4, "m")));
    const { reader, joined } = join({ last: 2 });
    expect(await joined).toMatchObject({ recovered: undefined, replayed: 2 });
    expect(reader.got).toEqual(["3", "5"]);
  });

  test.each([1, 2])("is none of the newest messages, where %i of them are kept", async (size) => {
    const { driver, history, join } = historyRig(size);
    driver.store(entry(1));
    await join().joined;
    const sent = [entry(2), marker(3, "lost-message-id-", idOf(2))];
    driver.store(...sent);
    deliver(history, ...sent);
    const [live, { reader, joined }] = [driver.reads.length, join({ last: 1 })];
    expect(await joined).toMatchObject({ replayed: 1 });
    expect([reader.got, driver.reads.length]).toEqual([["2"], live]);
  });
});

test("whatever a broker loses, each hole is told: to those who are there, and to those who come back", async () => {
  const actions = fc.constantFrom(
    "send",
    "send quietly",
    "lose one",
    "lose two",
    "slow",
    "drain",
    "join",
    "check",
    "away",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(actions, fc.nat({ max: 1 })), { maxLength: 40 }), async (steps) => {
      const driver = new FakeDriver();
      const rigs = [historyRig(1_000, undefined, driver), historyRig(1_000, undefined, driver)];
      let count = 0;
      /** By the text of a message: the one before it. */
      const before = new Map<string, string>();
      /** Positions after which messages were lost. */
      const holes = new Set<string>();
      const marked = new Set<string>();
      const names: string[] = [""];
      const readers: Reader[] = [];
      const aways: { since: string; last: string }[] = [];
      const top = (): Entry | undefined => driver.stored.at(-1);
      const publish = (made: (offset: number, previous: string) => Entry, to: typeof rigs): void => {
        const previous = top();
        const sent = made((previous?.offset ?? 0) + 1, previous?.id ?? idOf(0));
        driver.store(sent);
        for (const { history } of to) deliver(history, sent);
      };
      const send = (to: typeof rigs): void => {
        const [fork, last] = [`${String(++count)}x`, names.at(-1)!];
        publish((offset, id) => {
          names.push(fork + String(offset));
          return entry(offset, fork, id);
        }, to);
        before.set(names.at(-1)!, last);
      };
      for (const { context } of rigs)
        context.storeMarker = (_topic, _rule, lost) => {
          if (marked.has(lost)) return Promise.resolve();
          marked.add(lost);
          names.push(names.at(-1)!);
          const fork = `${String(++count)}m`;
          publish((offset, id) => marker(offset, lost, id, fork), rigs);
          return Promise.resolve();
        };
      for (const { join } of rigs) {
        const { reader, joined } = join();
        await joined;
        readers.push(reader);
      }
      const settle = async (): Promise<void> => {
        for (let n = 0; n < 3; n++) {
          for (const { history } of rigs) await history.sync();
          await turns();
        }
      };
      for (const [action, node] of steps) {
        if (action === "send") send(rigs);
        else if (action === "send quietly") send([rigs[node]!]);
        else if (action.startsWith("lose")) {
          // The messages were seen here before they are lost, and the loss is noticed before the next one.
          await settle();
          const positions = [mark(0), ...driver.stored].map((at) => positionOf({ ...at, epoch: EPOCH }));
          const lost = driver.stored.splice(action === "lose one" ? -1 : -2);
          if (lost.length > 0) for (const position of positions) holes.add(position);
          names.splice(names.length - lost.length);
          driver.top = { epoch: EPOCH, offset: top()?.offset ?? 0, id: top()?.id ?? idOf(0) };
          await settle();
        } else if (action === "check") await settle();
        else if (action === "slow") for (const reader of readers) reader.fates = ["slow"];
        else if (action === "drain") for (const reader of readers) reader.drain();
        else if (action === "join") readers.push(rigs[node]!.join({ last: 1 }).reader);
        else aways.push({ since: positionOf(driver.top), last: names.at(-1)! });
        await turns(1);
      }
      for (let n = 0; n < 4; n++) {
        await settle();
        for (const reader of readers) {
          reader.fates = [];
          reader.drain();
        }
        await turns();
      }
      // Without a gap between them, two messages follow each other.
      for (const { got } of readers)
        for (const [i, text] of got.entries()) {
          const previous = got[i - 1];
          if (previous === undefined || previous.startsWith("gap") || text.startsWith("gap")) continue;
          expect(before.get(text)).toBe(previous);
        }
      for (const { got } of readers)
        if (names.at(-1) !== "" && got.at(-1)?.startsWith("gap") === false) expect(got.at(-1)).toBe(names.at(-1));
      for (const { since, last } of aways) {
        const { reader, joined } = rigs[0]!.join({ since });
        const { recovered } = await joined;
        if (holes.has(since)) expect(recovered).toBe(false);
        else
          expect([recovered, reader.got.every((text, i) => before.get(text) === (reader.got[i - 1] ?? last))]).toEqual([
            true,
            true,
          ]);
      }
    }),
    { seed, numRuns: cases(150) },
  );
});
