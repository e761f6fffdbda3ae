import { expect, test } from "vitest";
import type { Ending } from "../../src/client/losses.ts";
import { RetryPolicy } from "../../src/client/retry-policy.ts";
import { sharedOptions } from "../../src/client/settings.ts";
import type { Loss } from "../../src/client/verdict.ts";
import { readTable } from "../../src/util/option-table.ts";

const lost: Loss = {
  opened: true,
  code: 1006,
  reason: undefined,
  status: undefined,
  stage: undefined,
  error: undefined,
};
const ending: Ending = {
  end: { code: 1006, reason: undefined, initiator: "network", cause: undefined },
  errors: undefined,
};

function policyWith(reconnect: object, random = 0.5): RetryPolicy {
  const settings = readTable(sharedOptions, { reconnect });
  return new RetryPolicy({ reconnect: settings.reconnect, hasProvider: true, random: () => random });
}

function answered(status: number): Loss {
  return { ...lost, stage: "http", status };
}

test("the delays grow until a connection was stable", () => {
  const policy = policyWith({});
  const delays = [1, 2, 3].map(() => policy.nextDelay(policy.onLoss(lost), ending, false));
  expect(delays).toEqual([600, 1_100, 2_100]);
  policy.onOpened();
  expect(policy.attempt).toBe(3);
  policy.reset();
  expect([policy.attempt, policy.nextDelay(policy.onLoss(lost), ending, false)]).toEqual([0, 600]);
});

test("a function that always answers 0 or less dials once at once, and then not without a pause", () => {
  const policy = policyWith({});
  expect([0, 0, -1, Infinity, 0].map((answer) => policy.nextDelay(answer, ending, false))).toEqual([
    0, 100, 100, 2_147_483_647, 100,
  ]);
});

test("a 401 is tried again at once, once for each connection, whatever comes between", () => {
  const policy = policyWith({});
  expect(policy.onLoss(answered(401))).toBe(0);
  expect(policy.nextDelay(0, ending, false)).toBe(0);
  expect(policy.onLoss(answered(503))).toBe(true);
  expect(policy.onLoss(answered(401))).toBe(false);
  policy.onOpened();
  expect(policy.onLoss(answered(401))).toBe(0);
});

test("a retry function that answers 0 to every 401 does not dial without a pause", () => {
  const policy = policyWith({});
  policy.onLoss(answered(401));
  expect(policy.nextDelay(0, ending, false)).toBe(0);
  policy.onLoss(answered(401));
  expect(policy.nextDelay(0, ending, false)).toBe(100);
});

test("no more dials than may fail", () => {
  const policy = policyWith({ maxAttempts: 1 });
  expect(policy.nextDelay(true, ending, false)).toBe(600);
  expect(policy.nextDelay(true, ending, false)).toBeUndefined();
});

test("a server that asks for no delay again and again does not switch the backoff off", () => {
  const policy = policyWith({}, 1);
  const delays = [1, 2, 3, 4].map(() => policy.nextDelay(true, { ...ending, status: 502, hint: 0 }, false));
  expect(delays).toEqual([1_000, 2_100, 4_100, 8_100]);
});

test("a hidden page is in no hurry", () => {
  expect(policyWith({}).nextDelay(true, ending, true)).toBe(15_100);
});
