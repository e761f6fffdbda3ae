import assert from "node:assert/strict";
import { test } from "node:test";
import { Tally, textOf } from "./tally.ts";

test("messages that come twice or late are counted, for each publisher", () => {
  const tally = new Tally();
  for (const [publisher, number] of [
    [0, 1],
    [1, 1],
    [0, 3],
    [0, 2],
    [0, 3],
    [1, 2],
    [0, 4],
    [0, 1],
  ] as const)
    tally.note(textOf(publisher, number, 40));
  assert.deepEqual(tally.counts, { delivered: 6, doubled: 2, outOfOrder: 1 });
});

test("a message has its size, and anything else is an error", () => {
  assert.equal(textOf(1, 12, 30).length, 30);
  assert.throws(() => new Tally().note("hello"), /no message of the test/);
});

test("it says what is missing of which publisher", () => {
  const tally = new Tally();
  for (const [publisher, number] of [
    [0, 1],
    [1, 1],
    [0, 2],
    [0, 3],
  ] as const)
    tally.note(textOf(publisher, number, 20));
  assert.deepEqual(tally.missingOf(2, 7), ["0: 1 from 4 to 4 of 4", "1: 2 from 2 to 3 of 3"]);
});
