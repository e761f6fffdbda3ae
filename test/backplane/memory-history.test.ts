import { expect, test } from "vitest";
import { NO_ID } from "../../src/backplane/ids.ts";
import { ENTRY_COST, MemoryHistory } from "../../src/backplane/memory-history.ts";
import { decodePacket } from "../../src/backplane/packet.ts";
import { recordId } from "../../src/backplane/record.ts";
import { textsOf } from "../support/backplane/node.ts";
import { message } from "../support/backplane/records.ts";

const DAY = 24 * 60 * 60 * 1000;
const rule = { size: 3, ttl: 1_000 };

function make() {
  const use = { bytes: 0 };
  const history = new MemoryHistory("t", use, 1_000, 0);
  const append = (text: string, now = 0) => history.append([message(text)], rule, now);
  return { use, history, append };
}

test("an empty history has a position, and an epoch of its own", () => {
  const { history } = make();
  expect(history.top).toEqual({ epoch: history.read(0).epoch, offset: 0, id: NO_ID });
  expect(make().history.top.epoch).not.toBe(history.top.epoch);
});

test("what is kept are views of the packet that tells of it", () => {
  const { history } = make();
  const records = ["1", "2"].map((text) => message(text));
  const packet = history.append(records, rule, 0);
  const { entries, epoch } = history.read(0);
  expect(decodePacket(packet)?.history).toEqual({ epoch, first: 1, before: NO_ID });
  expect(entries.map(({ record }) => record.buffer)).toEqual([packet.buffer, packet.buffer]);
  expect(entries.map(({ offset, id, before }) => [offset, id, before])).toEqual([
    [1, recordId(records[0]!), NO_ID],
    [2, recordId(records[1]!), recordId(records[0]!)],
  ]);
});

test("a record may be changed after it was handed over", () => {
  const { history } = make();
  const record = message("as it was");
  history.append([record], rule, 0);
  record.fill(0);
  expect(textsOf(history.read(0))).toEqual(["as it was"]);
});

test("a message expires when its time is over, and the rule of the last append counts", () => {
  const { history, append } = make();
  append("1", 0);
  append("2", 500);
  history.expire(999);
  expect([history.length, history.dueAt]).toEqual([2, 1_000]);
  history.expire(1_000);
  expect([history.length, history.dueAt]).toEqual([1, 1_500]);
  history.append([message("3")], { size: 3, ttl: 10_000 }, 1_400);
  history.expire(10_499);
  expect(textsOf(history.read(0))).toEqual(["2", "3"]);
  history.expire(10_500);
  expect(textsOf(history.read(0))).toEqual(["3"]);
});

test("a topic without messages is due a day after the last one has expired, or later if somebody needs it", () => {
  const { history, append } = make();
  expect(history.dueAt).toBe(1_000 + DAY);
  append("1", 5_000);
  history.expire(6_000);
  expect([history.length, history.dueAt]).toEqual([0, 6_000 + DAY]);
  history.touch(7_000);
  expect(history.dueAt).toBe(8_000 + DAY);
});

test("bytes are counted", () => {
  const { history, use, append } = make();
  for (const text of ["a", "bb", "ccc", "dddd"]) append(text);
  expect(use.bytes).toBe(3 * (14 + ENTRY_COST) + 9);
  history.dropOldest();
  expect(use.bytes).toBe(2 * (14 + ENTRY_COST) + 7);
  for (let i = 0; i < 3; i++) history.dropOldest();
  expect([use.bytes, history.length, history.top.offset]).toEqual([0, 0, 4]);
});

test("an earlier try is found, or was not stored, or that cannot be known", () => {
  const { history, append } = make();
  const { epoch } = history.top;
  const mark = (offset: number) => ({ epoch, offset, id: NO_ID });
  for (const text of ["1", "2", "3", "4"]) append(text);
  const [, third, fourth] = history.read(0).entries.map(({ id }) => id);
  expect([history.findAgain(third!, mark(1)), history.findAgain(third!, mark(2))]).toEqual([3, 3]);
  expect(history.findAgain(fourth!, mark(0))).toBe(4);
  // What was stored before the first try is not the first try.
  expect(history.findAgain(third!, mark(3))).toBe(0);
  expect([history.findAgain("no", mark(1)), history.findAgain("no", mark(4))]).toEqual([0, 0]);
  expect([history.findAgain("no", mark(0)), history.findAgain("no", mark(5))]).toEqual([undefined, undefined]);
  expect(history.findAgain(third!, { ...mark(1), epoch: "other000" })).toBeUndefined();
});
