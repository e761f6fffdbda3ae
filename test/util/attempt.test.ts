import { expect, test } from "vitest";
import { asError, attempt, isInstanceOf, startSafely } from "../../src/util/attempt.ts";

test("a read that throws is undefined", () => {
  expect(attempt(() => 5)).toBe(5);
  const broken = (): number => {
    throw new Error("unreadable");
  };
  expect(attempt(broken)).toBeUndefined();
});

test("a value that throws when it is asked is no instance", () => {
  const revoked = Proxy.revocable(new Error("x"), {});
  revoked.revoke();
  expect([new RangeError("x"), revoked.proxy, {}, undefined].map((value) => isInstanceOf(value, Error))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("what was thrown is an error, whatever it was", () => {
  const error = new RangeError("x");
  expect([asError(error), asError("text"), asError(undefined)]).toEqual([
    error,
    new Error("text"),
    new Error("undefined"),
  ]);
});

test("a function that throws instead of rejecting rejects", async () => {
  const broken = (): never => {
    throw new RangeError("x");
  };
  await expect(startSafely(() => Promise.resolve(5))).resolves.toBe(5);
  await expect(startSafely(broken)).rejects.toThrow(RangeError);
});
