import { expect, test } from "vitest";
import { attempt, isInstanceOf } from "../../src/util/attempt.ts";

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
