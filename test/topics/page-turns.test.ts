import { expect, test } from "vitest";
import { PageTurns } from "../../src/topics/page-turns.ts";

test("a receiver has two turns, the others wait in the order of their calls, and nothing is left in the end", async () => {
  const turns = new PageTurns<string>();
  expect([turns.take("a"), turns.take("a"), turns.take("b")]).toEqual([undefined, undefined, undefined]);
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (n) => {
    await turns.take("a");
    order.push(n);
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  turns.give("a");
  await waiting[0];
  expect(order).toEqual([1]);
  for (let n = 0; n < 4; n++) turns.give("a");
  await Promise.all(waiting);
  expect([order, turns.size]).toEqual([[1, 2, 3], 1]);
  turns.give("b");
  turns.give("nobody");
  expect(turns.size).toBe(0);
});
