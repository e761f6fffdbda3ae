import { expect, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";

test("the budget of the process is empty when nothing waits", () => {
  expect(sendBudget.total).toBe(0);
});
