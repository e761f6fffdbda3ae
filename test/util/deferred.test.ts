import { expect, test } from "vitest";
import { deferred } from "../../src/util/deferred.ts";

test("a deferred promise waits until it is resolved", async () => {
  const { promise, resolve } = deferred();
  const order: string[] = [];
  const waiting = promise.then(() => order.push("resolved"));
  await Promise.resolve();
  order.push("before");
  resolve();
  await waiting;
  expect(order).toEqual(["before", "resolved"]);
});
