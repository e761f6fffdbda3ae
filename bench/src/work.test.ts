import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_WORK, QUICK_WORK, selectWork } from "./work.ts";

test("all usual ids are valid, and the quick ones are among them", () => {
  assert.deepEqual(
    selectWork(ALL_WORK).map((work) => work.id),
    ALL_WORK,
  );
  assert.ok(QUICK_WORK.every((id) => ALL_WORK.includes(id)));
});

test("the beginning of an id selects all usual ids with that beginning", () => {
  assert.deepEqual(
    selectWork(["fan-500"]).map((work) => work.id),
    ["fan-500-1", "fan-500-16"],
  );
});

test("other sizes and depths are possible", () => {
  const [work] = selectWork(["echo-3k-7"]);
  assert.equal(work?.size, 3072);
  assert.equal(work?.depth, 7);
});

test("an invalid id is refused with the list of valid ones", () => {
  for (const id of ["walk", "echo-0-1", "echo-20-", "idle-1-2", "fan-5x-1"]) {
    assert.throws(() => selectWork([id]), /no workload is called/);
  }
});
