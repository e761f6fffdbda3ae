import { expect, test } from "vitest";
import {
  type ClientState,
  clientEvents,
  clientTransitions,
  nextClientState,
  states,
} from "../../src/client/lifecycle.ts";

/** The table of the specification, in the order of `clientEvents`: opened, retry, end, dial, terminate. */
const expected: Record<ClientState, readonly ClientState[]> = {
  dialing: ["open", "waiting", "closed", "dialing", "closed"],
  waiting: ["waiting", "waiting", "closed", "dialing", "closed"],
  open: ["open", "waiting", "closed", "dialing", "closing"],
  closing: ["closing", "closed", "closed", "closing", "closing"],
  closed: ["closed", "closed", "closed", "closed", "closed"],
};

test.each(states)("every event of the state %s leads where the specification says", (state) => {
  expect(clientEvents.map((event) => nextClientState(state, event))).toEqual(expected[state]);
});

test("nothing leads out of closed", () => {
  expect(clientTransitions.closed).toEqual({});
});
