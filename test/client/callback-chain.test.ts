import { expect, test } from "vitest";
import { CallbackChain } from "../../src/client/callback-chain.ts";
import { deferred } from "../../src/util/deferred.ts";

test("a callback waits for the promise of the one before, and is not called in the same turn", async () => {
  const chain = new CallbackChain();
  const calls: string[] = [];
  const first = deferred();
  const running = chain.run(() => {
    calls.push("first");
    return first.promise;
  });
  const second = chain.run(() => calls.push("second"));
  expect(calls).toEqual([]);
  await Promise.resolve();
  await Promise.resolve();
  expect(calls).toEqual(["first"]);
  first.resolve();
  await running;
  expect(await second).toBe(2);
});

test("a callback that throws tells its caller, and the next is called", async () => {
  const chain = new CallbackChain();
  const failed = chain.run(() => {
    throw new Error("callback");
  });
  const next = chain.run(() => "next");
  await expect(failed).rejects.toThrow("callback");
  expect(await next).toBe("next");
});

test("after stopWaiting the next is called though the one before never settles", async () => {
  const chain = new CallbackChain();
  void chain.run(() => new Promise(() => undefined));
  const calls: number[] = [];
  const rest = [1, 2].map((one) => chain.run(() => calls.push(one)));
  chain.stopWaiting();
  await Promise.all(rest);
  expect(calls).toEqual([1, 2]);
});
