import { expect, test } from "vitest";
import { setTimeoutUnref } from "../../src/client/timers.ts";

test("the timer fires, and does not keep the process running", async () => {
  const fired = await new Promise((resolve) => {
    const timer = setTimeoutUnref(() => resolve(true), 1);
    expect(timer.hasRef()).toBe(false);
    timer.ref();
  });
  expect(fired).toBe(true);
});
