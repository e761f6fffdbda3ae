import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_WORK, QUICK_WORK, REDIS_WORK, selectWork } from "./work.ts";

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

test("the workloads of clients are those of servers, for the other side", () => {
  const [echo, idle] = selectWork(["client-echo-20-64", "client-idle-5000"]);
  assert.deepEqual([echo?.side, echo?.kind, echo?.depth, idle?.connections], ["client", "echo", 64, 5000]);
  for (const id of ["client-fan-500-1", "client-latency-100", "client-json-100-1", "client-"])
    assert.throws(() => selectWork([id]), /no workload is called/);
});

test("the workloads with Redis are selected by their names only", () => {
  assert.deepEqual(
    selectWork(["redis"]).map((work) => work.id),
    REDIS_WORK,
  );
  assert.ok(REDIS_WORK.every((id) => !ALL_WORK.includes(id)));
  assert.deepEqual(
    selectWork(["redis-fan-7-3", "redis-append-5-2", "redis-latency-9"]).map(
      ({ side, kind, connections, depth, rate }) => [side, kind, connections, depth, rate],
    ),
    [
      ["joined", "joined", 7, 3, 0],
      ["append", "append", 5, 2, 0],
      ["joined", "crossing", 10, 1, 9],
    ],
  );
  for (const id of ["redis-", "redis-fan-5", "redis-append-0-1", "redis-latency-5-5", "redis-echo-1-1"])
    assert.throws(() => selectWork([id]), /no workload is called/);
});

test("an invalid id is refused with the list of valid ones", () => {
  for (const id of ["walk", "echo-0-1", "echo-20-", "idle-1-2", "fan-5x-1"]) {
    assert.throws(() => selectWork([id]), /no workload is called/);
  }
});

test("the workloads with compression have messages that differ", () => {
  const works = selectWork(["deflate"]);
  assert.deepEqual(
    works.map(({ id, kind, connections, size, depth, messages }) => ({ id, kind, connections, size, depth, messages })),
    [
      { id: "deflate-1k-16", kind: "echo", connections: 50, size: 1024, depth: 16, messages: 0 },
      { id: "deflate-fan-500-16", kind: "fan", connections: 500, size: 1024, depth: 16, messages: 0 },
      { id: "deflate-memory-10000", kind: "idle", connections: 10_000, size: 1024, depth: 1, messages: 20 },
    ],
  );
  assert.ok(works.every((work) => work.varied));
  assert.ok(selectWork(["echo", "fan", "idle"]).every((work) => !work.varied));
  for (const id of ["deflate-", "deflate-2k", "deflate-fan-600", "deflate-fan-0-1", "deflate-memory-1-2"]) {
    assert.throws(() => selectWork([id]), /no workload is called/);
  }
});
