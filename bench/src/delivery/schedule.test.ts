import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleOf } from "./schedule.ts";

const plan = { clients: 20, seconds: 100, every: 10, seed: 5 };

test("a seed gives the same cuts, and each client about as many as were asked for", () => {
  const cuts = scheduleOf(plan);
  assert.deepEqual(scheduleOf(plan), cuts);
  assert.notDeepEqual(scheduleOf({ ...plan, seed: 6 }), cuts);
  assert.ok(cuts.length > 150 && cuts.length < 250, String(cuts.length));
  assert.deepEqual(new Set(cuts.map(({ client }) => client)).size, 20);
  assert.deepEqual(new Set(cuts.map(({ how }) => how)), new Set(["reset", "silent"]));
  assert.ok(cuts.every(({ at }) => at > 0 && at < 100_000));
});
