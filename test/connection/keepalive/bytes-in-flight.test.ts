import { expect, test } from "vitest";
import { BYTES_PER_TIMEOUT, timeoutFactorOf } from "../../../src/connection/keepalive/bytes-in-flight.ts";

test.each([
  [0, 1],
  [BYTES_PER_TIMEOUT / 2, 1.5],
  [BYTES_PER_TIMEOUT, 2],
  [8 * BYTES_PER_TIMEOUT, 9],
  [9 * BYTES_PER_TIMEOUT, 9],
  [2 ** 32, 9],
])("a peer that may not have read %i bytes gets its timeout %f times", (bytes, times) => {
  expect(timeoutFactorOf(bytes)).toBe(times);
});
