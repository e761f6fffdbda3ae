import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_ENGINE_WORK, QUICK_ENGINE_WORK, isEngineId, selectEngineWork } from "./work.ts";

const idsOf = (ids: readonly string[]): string[] => selectEngineWork(ids).map((work) => work.id);

test("all usual ids are valid, and the quick ones are among them", () => {
  assert.deepEqual(idsOf(ALL_ENGINE_WORK), ALL_ENGINE_WORK);
  assert.ok(QUICK_ENGINE_WORK.every((id) => ALL_ENGINE_WORK.includes(id)));
  assert.ok(ALL_ENGINE_WORK.every(isEngineId));
});

test("the beginning of an id selects all usual ids with that beginning, each of them once", () => {
  assert.deepEqual(idsOf(["parse", "write"]), ALL_ENGINE_WORK);
  assert.deepEqual(idsOf(["write-text", "write-text-20"]), ["write-text-20", "write-text-1k"]);
});

test("other sizes are possible", () => {
  const [cut, fragments] = selectEngineWork(["parse-cut-3k", "parse-fragments-7"]);
  assert.deepEqual([cut?.size, cut?.cut, cut?.fragments], [3072, true, 1]);
  assert.deepEqual([fragments?.size, fragments?.cut, fragments?.fragments], [7, false, 16]);
});

test("an invalid id is refused with the list of valid ones", () => {
  for (const id of [
    "parse-json-20",
    "parse-text-0",
    "parse-text-20-1",
    "parse-text-2m",
    "write-cut-20",
    "write-fragments-256",
  ]) {
    assert.throws(() => selectEngineWork([id]), /no workload is called/);
  }
});

test("ids of server workloads are not ids of engine workloads", () => {
  assert.ok(!["echo-20-1", "parser-20", "writes", "idle-1"].some(isEngineId));
});
