import { expect, test } from "vitest";

test("leaves a timer", () => {
  const timer = setTimeout(() => {}, 3_600_000);
  expect(timer.hasRef()).toBe(true);
});
