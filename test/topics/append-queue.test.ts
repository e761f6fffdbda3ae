import { expect, test, vi } from "vitest";
import type { AppendOptions, Appended, HistoryRule } from "../../src/backplane/contract.ts";
import { recordId } from "../../src/backplane/record.ts";
import { HawserError } from "../../src/errors/errors.ts";
import type { ErrorCode } from "../../src/errors/table.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { AppendQueue } from "../../src/topics/append-queue.ts";
import { message } from "../support/backplane/records.ts";
import { within } from "../support/within.ts";

const RULE: HistoryRule = { size: 10, ttl: 10_000 };
const EPOCH = "epoch--1";

interface Call {
  readonly topic: string;
  readonly count: number;
  readonly options: AppendOptions;
}

/** A broker whose next answers the test decides: an error, or a duplicate. Without one it stores. */
function rig({ publishTimeout = 5_000, maxBackplaneQueue = 1_000_000, isReady = true } = {}) {
  const calls: Call[] = [];
  const answers: (ErrorCode | Appended)[] = [];
  const state = { isReady, top: 0 };
  const driver = {
    maxBatch: 4,
    append: async (topic: string, _rule: HistoryRule, records: readonly Bytes[], options: AppendOptions = {}) => {
      calls.push({ topic, count: records.length, options });
      await Promise.resolve();
      const answer = answers.shift();
      if (typeof answer === "string") throw new HawserError(answer);
      if (answer !== undefined) return answer;
      const first = state.top + 1;
      state.top += records.length;
      return { epoch: EPOCH, first, isDuplicate: false };
    },
  };
  const node = {
    driver,
    get isReady() {
      return state.isReady;
    },
    whenReady: async (ms: number) => {
      if (!state.isReady) await new Promise((resolve) => setTimeout(resolve, ms));
      return state.isReady;
    },
  };
  return { calls, answers, state, queue: new AppendQueue(node, { publishTimeout, maxBackplaneQueue }) };
}

test("what is published in one turn is one call for each topic, in order, at most maxBatch messages", async () => {
  const { calls, queue } = rig();
  const all = Array.from({ length: 6 }, (_, n) => queue.append("a", RULE, message(String(n)), undefined));
  const other = queue.append("b", RULE, message("x"), undefined);
  expect(await Promise.all(all)).toEqual(
    [1, 2, 3, 4, 6, 7].map((first) => ({ epoch: EPOCH, first, isDuplicate: false })),
  );
  expect((await other).first).toBe(5);
  expect(calls.map(({ topic, count }) => [topic, count])).toEqual([
    ["a", 4],
    ["b", 1],
    ["a", 2],
  ]);
});

test("a message with a name goes alone, and a large one too", async () => {
  const { calls, queue } = rig();
  const large = message("x".repeat(70_000));
  await Promise.all([
    queue.append("a", RULE, message("1"), undefined),
    queue.append("a", RULE, message("2"), "name"),
    queue.append("a", RULE, message("3"), undefined),
    queue.append("a", RULE, large, undefined),
    queue.append("a", RULE, large, undefined),
  ]);
  expect(calls.map(({ count, options }) => [count, options.id])).toEqual([
    [1, undefined],
    [1, "name"],
    [1, undefined],
    [1, undefined],
    [1, undefined],
  ]);
});

test("what was certainly not stored is tried again, as the first try", async () => {
  const { calls, answers, queue } = rig();
  answers.push("HWS_BACKPLANE_AWAY", "HWS_BACKPLANE_AWAY");
  expect(await queue.append("a", RULE, message("1"), undefined)).toMatchObject({ first: 1 });
  expect(calls.map(({ options }) => options.again)).toEqual([undefined, undefined, undefined]);
});

test("what may be stored is tried again with the mark of before, and a later one waits for it", async () => {
  const { calls, answers, queue } = rig();
  const record = message("1");
  await queue.append("a", RULE, record, undefined);
  answers.push("HWS_PUBLISH_UNCERTAIN", { epoch: EPOCH, first: 2, isDuplicate: false });
  const second = queue.append("a", RULE, message("2"), undefined);
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  const third = queue.append("a", RULE, message("3"), undefined);
  // It was stored by the first try.
  expect(await second).toEqual({ epoch: EPOCH, first: 2, isDuplicate: false });
  await third;
  const again = { epoch: EPOCH, offset: 1, id: recordId(record) };
  expect(calls.map(({ options }) => options.again)).toEqual([undefined, undefined, again, undefined]);
});

test("without a mark, what may be stored is given up at once; with a name of its own it is tried again", async () => {
  const { calls, answers, queue } = rig();
  answers.push("HWS_PUBLISH_UNCERTAIN");
  const failed = queue.append("a", RULE, message("1"), undefined);
  await expect(failed).rejects.toMatchObject({ code: "HWS_PUBLISH_UNCERTAIN" });
  answers.push("HWS_PUBLISH_UNCERTAIN", { epoch: EPOCH, first: 1, isDuplicate: true });
  expect(await queue.append("a", RULE, message("1"), "name")).toMatchObject({ first: 1, isDuplicate: true });
  answers.push("HWS_PUBLISH_UNCERTAIN", { epoch: EPOCH, first: 2, isDuplicate: false });
  expect(await queue.append("b", RULE, message("1"), "name")).toMatchObject({ first: 2, isDuplicate: false });
  expect(calls).toHaveLength(5);
  // The message with this name may be one of another server, with another id: it is no mark.
  answers.push("HWS_PUBLISH_UNCERTAIN");
  await expect(queue.append("a", RULE, message("2"), undefined)).rejects.toMatchObject({
    code: "HWS_PUBLISH_UNCERTAIN",
  });
});

test.each(["HWS_BACKPLANE_FAILED", "HWS_BACKPLANE_FULL"] as const)("%s is not tried again", async (code) => {
  const { calls, answers, queue } = rig();
  answers.push(code);
  await expect(queue.append("a", RULE, message("1"), undefined)).rejects.toMatchObject({ code });
  expect(calls).toHaveLength(1);
});

test("after publishTimeout a message is given up: HWS_BACKPLANE_AWAY if it was never handed over", async () => {
  const { calls, queue, state } = rig({ publishTimeout: 50, isReady: false });
  const failed = queue.append("a", RULE, message("1"), undefined);
  await expect(failed).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  expect(calls).toEqual([]);
  state.isReady = true;
  expect(await queue.append("a", RULE, message("2"), undefined)).toMatchObject({ first: 1 });
});

test("HWS_PUBLISH_UNCERTAIN if it may be stored", async () => {
  const { answers, queue, state } = rig({ publishTimeout: 150 });
  await queue.append("a", RULE, message("1"), undefined);
  answers.push("HWS_PUBLISH_UNCERTAIN", "HWS_BACKPLANE_AWAY", "HWS_BACKPLANE_AWAY");
  const failed = queue.append("a", RULE, message("2"), undefined);
  setTimeout(() => (state.isReady = false), 20);
  await expect(failed).rejects.toMatchObject({ code: "HWS_PUBLISH_UNCERTAIN" });
});

test("the bytes that wait are counted until they are settled", async () => {
  const { queue } = rig({ maxBackplaneQueue: 100 });
  const record = message("x".repeat(60));
  expect(queue.hasSpaceFor(record)).toBe(true);
  const stored = queue.append("a", RULE, record, undefined);
  expect(queue.hasSpaceFor(record)).toBe(false);
  await stored;
  expect(queue.hasSpaceFor(record)).toBe(true);
});

test("close waits for what is under way, and no longer than it is told", async () => {
  const { queue } = rig();
  const stored = queue.append("a", RULE, message("1"), undefined);
  await queue.close(within(1_000));
  expect(await stored).toMatchObject({ first: 1 });
  await expect(queue.append("a", RULE, message("2"), undefined)).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  const away = rig({ isReady: false, publishTimeout: 200 });
  const failed = away.queue.append("a", RULE, message("1"), undefined);
  await Promise.all([
    away.queue.close(within(20)),
    expect(failed).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" }),
  ]);
});

test.each(["HWS_BACKPLANE_FAILED", "HWS_INTERNAL"] as const)(
  "%s of a further try does not say that nothing is stored",
  async (code) => {
    const { answers, queue } = rig();
    await queue.append("a", RULE, message("1"), undefined);
    answers.push("HWS_PUBLISH_UNCERTAIN", code);
    const failed = queue.append("a", RULE, message("2"), undefined);
    await expect(failed).rejects.toMatchObject({ code: "HWS_PUBLISH_UNCERTAIN" });
  },
);

test("a full broker is asked again if the message may be stored", async () => {
  const { answers, queue } = rig();
  await queue.append("a", RULE, message("1"), undefined);
  answers.push("HWS_PUBLISH_UNCERTAIN", "HWS_BACKPLANE_FULL");
  expect(await queue.append("a", RULE, message("2"), undefined)).toMatchObject({ first: 2 });
});
