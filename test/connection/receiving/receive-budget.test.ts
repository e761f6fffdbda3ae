import { expect, test } from "vitest";
import { receiveBudget } from "../../../src/connection/receiving/receive-budget.ts";

test("the budget of the process is empty when nothing waits", () => {
  expect(receiveBudget.total).toBe(0);
});
