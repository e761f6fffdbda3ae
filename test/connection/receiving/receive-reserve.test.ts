import { expect, test } from "vitest";
import { receiveBudget } from "../../../src/connection/receiving/receive-budget.ts";
import { ReceiveReserve } from "../../../src/connection/receiving/receive-reserve.ts";
import { connectionSettings } from "../../support/settings.ts";

test("the reserve takes what is left of the budget of the process, and counts the limit where it is reached", () => {
  const all = connectionSettings({ maxTotalReceiveQueue: 1000 });
  const reserve = new ReceiveReserve(all);
  const handler = { budgeted: undefined };
  receiveBudget.set(handler, 700);
  expect(reserve.take(300)).toBe(true);
  expect([receiveBudget.total, all.limitCounters.maxTotalReceiveQueue]).toEqual([1000, 0]);
  expect(reserve.take(1)).toBe(false);
  expect([receiveBudget.total, all.limitCounters.maxTotalReceiveQueue]).toEqual([1000, 1]);
  reserve.giveBack(300);
  receiveBudget.clear(handler);
  expect(receiveBudget.total).toBe(0);
});

test("at most half of the limit is reserved: peers that stall leave the rest to busy handlers", () => {
  const settings = connectionSettings({ maxTotalReceiveQueue: 1000 });
  const reserve = new ReceiveReserve(settings);
  expect([reserve.take(501), reserve.take(400), reserve.take(100), reserve.take(1)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([receiveBudget.reserved, settings.limitCounters.maxTotalReceiveQueue]).toEqual([500, 2]);
  const handlers = [{ budgeted: undefined }, { budgeted: undefined }];
  for (const handler of handlers) receiveBudget.set(handler, 300);
  expect(receiveBudget.share(1000)).toBe(250);
  for (const handler of handlers) receiveBudget.clear(handler);
  reserve.giveBack(500);
  expect(receiveBudget.total).toBe(0);
});

test("the limits of two servers are compared with the same total", () => {
  const [one, other] = [1000, 100].map(
    (most) => new ReceiveReserve(connectionSettings({ maxTotalReceiveQueue: most })),
  );
  expect(one!.take(500)).toBe(true);
  expect(other!.take(1)).toBe(false);
  one!.giveBack(500);
  expect(other!.take(50)).toBe(true);
  other!.giveBack(50);
  expect(receiveBudget.total).toBe(0);
});
