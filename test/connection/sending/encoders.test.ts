import { expect, test } from "vitest";

import { encoderOf, randomKey } from "../../../src/connection/sending/encoders.ts";

test("only a client masks", () => {
  expect([encoderOf("server").masks, encoderOf("client").masks]).toEqual([false, true]);
});

test("no key comes twice, also after more than one filling", () => {
  const keys = Array.from({ length: 2000 }, randomKey);
  // Of 2,000 random keys two are alike once in 2,000 runs: three pairs never.
  expect(new Set(keys).size).toBeGreaterThan(1997);
  expect(keys.every((key) => Number.isInteger(key))).toBe(true);
});
