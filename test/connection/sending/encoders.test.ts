import { expect, test } from "vitest";

import { encoderOf, randomKey } from "../../../src/connection/sending/encoders.ts";

test("only a client masks", () => {
  expect([encoderOf("server").masks, encoderOf("client").masks]).toEqual([false, true]);
});

test("no key is used twice, also after the pool of keys was refilled", () => {
  const keys = Array.from({ length: 2000 }, randomKey);
  // Two of 2,000 random keys are equal once in 2,000 runs; three pairs never.
  expect(new Set(keys).size).toBeGreaterThan(1997);
  expect(keys.every((key) => Number.isInteger(key))).toBe(true);
});
