import { expect, test } from "vitest";
import { readRetryAfter, readRetryReason } from "../../src/client/retry-hint.ts";

const now = Date.UTC(2026, 0, 1);

test.each([
  ["7", 7_000],
  [" 0 ", 0],
  ["1000000000000", 1e15],
  ["Thu, 01 Jan 2026 00:00:09 GMT", 9_000],
  ["Thursday, 01-Jan-26 00:00:09 GMT", 9_000],
  ["Wed, 31 Dec 2025 23:59:59 GMT", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["x", undefined],
  ["", undefined],
  ["2026", 2_026_000],
  ["2027-01-01", undefined],
  ["9".repeat(16), undefined],
  [undefined, undefined],
])("Retry-After: %s is %s", (value, expected) => {
  expect(readRetryAfter(value, now)).toBe(expected);
});

test.each([
  [1001, "retry-after=7", 7_000],
  [1012, "retry-after=0", 0],
  [1013, "retry-after=60", 60_000],
  [1000, "retry-after=7", undefined],
  [1001, "retry-after=-7", undefined],
  [1001, " retry-after=7", undefined],
  [1001, "retry-after=7 s", undefined],
  [1001, undefined, undefined],
])("%i with the reason %s is %s", (code, reason, expected) => {
  expect(readRetryReason(code, reason)).toBe(expected);
});
