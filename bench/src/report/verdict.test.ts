import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../load/job.ts";
import { verdictsOf } from "./verdict.ts";
import type { JudgedRow } from "./verdict.ts";

const quiet: JudgedRow = {
  throughput: null,
  cost: null,
  goal: null,
  disturbedRounds: 0,
  bytesPerConnection: null,
  samples: [{}, {}] as Sample[],
};
const disturbed: JudgedRow = { ...quiet, disturbedRounds: 1 };
const faster: JudgedRow = {
  ...quiet,
  throughput: { median: 15, lowest: 14, highest: 16 },
  goal: { throughput: 14 },
};
const cheaper: JudgedRow = { ...quiet, cost: { median: 0.7, lowest: 0.6, highest: 0.9 }, goal: { cost: 0.8 } };

test("a verdict has the goal, and whether it was reached", () => {
  assert.deepEqual(verdictsOf("echo", quiet, faster), ["/s ≥ 14×: reached"]);
  assert.deepEqual(verdictsOf("echo", quiet, { ...faster, goal: { throughput: 15.5 } }), ["/s ≥ 15.5×: missed"]);
  assert.deepEqual(verdictsOf("echo", quiet, cheaper), ["CPU ≤ 0.8×: reached"]);
  assert.deepEqual(verdictsOf("idle", quiet, cheaper), ["bytes ≤ 0.8×: reached"]);
  assert.deepEqual(verdictsOf("echo", quiet, quiet), []);
});

test("a throughput goal is uncertain if either server was disturbed in half of the rounds", () => {
  assert.deepEqual(verdictsOf("echo", disturbed, faster), ["/s ≥ 14×: reached?"]);
  assert.deepEqual(verdictsOf("echo", quiet, { ...faster, disturbedRounds: 1 }), ["/s ≥ 14×: reached?"]);
  const inLess = { ...disturbed, samples: [{}, {}, {}] as Sample[] };
  assert.deepEqual(verdictsOf("echo", inLess, faster), ["/s ≥ 14×: reached"]);
});

test("a CPU goal is uncertain only if its rounds also differ about it", () => {
  assert.deepEqual(verdictsOf("echo", disturbed, cheaper), ["CPU ≤ 0.8×: reached?"]);
  const atMost = { ...cheaper, goal: { cost: 0.9 } };
  assert.deepEqual(verdictsOf("echo", disturbed, atMost), ["CPU ≤ 0.9×: reached"]);
  const under = { ...cheaper, goal: { cost: 0.5 } };
  assert.deepEqual(verdictsOf("echo", disturbed, under), ["CPU ≤ 0.5×: missed"]);
});

test("memory has no rounds that can be disturbed, and is never uncertain", () => {
  const memory = { ...cheaper, samples: [] };
  assert.deepEqual(verdictsOf("idle", { ...quiet, samples: [] }, memory), ["bytes ≤ 0.8×: reached"]);
});

test("a goal of bytes compares the difference", () => {
  const goal = { moreBytes: 100 };
  const ours = { ...quiet, bytesPerConnection: 2100 };
  assert.deepEqual(verdictsOf("idle", ours, { ...quiet, goal, bytesPerConnection: 2000 }), ["bytes ≤ +100: reached"]);
  assert.deepEqual(verdictsOf("idle", ours, { ...quiet, goal, bytesPerConnection: 1999 }), ["bytes ≤ +100: missed"]);
});
