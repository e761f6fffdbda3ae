import { expect, test } from "vitest";

import { Waiters } from "../../src/util/waiters.ts";

test("all promises that wait are resolved with one value", async () => {
  const waiters = new Waiters<number>();
  expect(waiters.hasAny).toBe(false);
  const promises = [waiters.wait(), waiters.wait()];
  expect(waiters.hasAny).toBe(true);
  waiters.resolve(7);
  expect(waiters.hasAny).toBe(false);
  expect(await Promise.all(promises)).toEqual([7, 7]);
});

test("a promise that is made later waits for the next value", async () => {
  const waiters = new Waiters<string>();
  waiters.resolve("nobody waits");
  const later = waiters.wait();
  waiters.resolve("next");
  expect(await later).toBe("next");
});
