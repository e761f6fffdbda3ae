import { expect, test } from "vitest";
import { statusOf } from "../../src/connection/status.ts";
import { canSend, states } from "../../src/protocol/state.ts";

test("a status has 4D's name, and is Connected while messages may be sent", () => {
  for (const state of states) expect(statusOf(state) === "Connected").toBe(canSend(state));
  expect(states.filter((state) => statusOf(state) === "Closed")).toEqual(["closed"]);
});
