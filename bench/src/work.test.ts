import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_WORK, QUICK_WORK, selectWork } from "./work.ts";

test("the usual ids are all understood, and the quick ones are among them", () => {
  assert.deepEqual(
    selectWork(ALL_WORK).map((work) => work.id),
    ALL_WORK,
  );
  assert.ok(QUICK_WORK.every((id) => ALL_WORK.includes(id)));
});

test("the beginning of an id stands for all that begin so", () => {
  assert.deepEqual(
    selectWork(["fan-500"]).map((work) => work.id),
    ["fan-500-1", "fan-500-16"],
  );
});

test("sizes and depths are free", () => {
  const [work] = selectWork(["echo-3k-7"]);
  assert.equal(work?.size, 3072);
  assert.equal(work?.depth, 7);
});

test("what is no work is refused with the list of what is", () => {
  for (const id of ["walk", "echo-0-1", "echo-20-", "idle-1-2", "fan-5x-1"]) {
    assert.throws(() => selectWork([id]), /no work is called/);
  }
});
