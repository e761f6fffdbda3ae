import { expect, test } from "vitest";
import { SendResult } from "../../../src/connection/sending/send-result.ts";

test("only a dropped message is falsy", () => {
  expect(Object.entries(SendResult).filter(([, value]) => value === 0)).toEqual([["dropped", 0]]);
});
