import { describe, expect, test } from "vitest";
import {
  type Event,
  type Role,
  type State,
  answersPings,
  canSend,
  events,
  isEnding,
  nextState,
  canSendClose,
  canStartClose,
  states,
  transitions,
} from "../../src/protocol/state.ts";

const roles: readonly Role[] = ["server", "client"];

/** Each edge, by hand from RFC 6455 5.5.1, 7.1 and 7.2: state, event, the state that follows, and why. */
const edges: readonly (readonly [State, Event, State, string])[] = [
  ["open", "queueClose", "closeQueued", "7.1.2: the closing handshake is asked for"],
  ["open", "receiveClose", "peerClosing", "5.5.1: it is answered after the messages before it"],
  ["open", "receiveEnd", "ending", "7.1.5: the stream ends without a close frame"],
  ["open", "fail", "ending", "7.1.7: nothing more is processed"],
  ["open", "disconnect", "closed", "the stream is gone"],

  ["peerClosing", "queueClose", "answerQueued", "5.5.1: the answer"],
  ["peerClosing", "fail", "ending", "7.1.7: nothing more is processed"],
  ["peerClosing", "disconnect", "closed", "the stream is gone"],

  ["closeQueued", "sendClose", "closeSent", "7.1.3: the closing handshake has started"],
  ["closeQueued", "receiveClose", "answerQueued", "5.5.1: ours is the answer now"],
  ["closeQueued", "receiveEnd", "ending", "7.1.5: the stream ends without a close frame"],
  ["closeQueued", "fail", "ending", "7.1.7: nothing more is processed"],
  ["closeQueued", "disconnect", "closed", "the stream is gone"],

  ["answerQueued", "fail", "ending", "7.1.7: nothing more is processed"],
  ["answerQueued", "disconnect", "closed", "the stream is gone"],

  ["closeSent", "receiveEnd", "ending", "7.1.5: the stream ends without a close frame"],
  ["closeSent", "fail", "ending", "7.1.7: nothing more is processed"],
  ["closeSent", "disconnect", "closed", "the stream is gone"],

  ["awaitingEnd", "receiveEnd", "ending", "7.1.1: the server has closed TCP"],
  ["awaitingEnd", "fail", "ending", "7.1.1: a client need not wait for ever"],
  ["awaitingEnd", "disconnect", "closed", "the stream is gone"],

  ["ending", "disconnect", "closed", "the stream is gone"],
];

/** The edges that depend on the role, RFC 6455 7.1.1: the server closes TCP, the client waits for that. */
const byRole: readonly (readonly [State, Event, Role, State])[] = [
  ["answerQueued", "sendClose", "server", "ending"],
  ["answerQueued", "sendClose", "client", "awaitingEnd"],
  ["closeSent", "receiveClose", "server", "ending"],
  ["closeSent", "receiveClose", "client", "awaitingEnd"],
];

describe("the state table", () => {
  test.each(edges)("%s, %s: %s, for %s", (state, event, next) => {
    for (const role of roles) expect(nextState(state, event, role)).toBe(next);
  });

  test.each(byRole)("%s, %s, as a %s: %s", (state, event, role, next) => {
    expect(nextState(state, event, role)).toBe(next);
  });

  test("has no edge that is not listed above, and does not change the state otherwise", () => {
    const named = new Set([...edges, ...byRole].map(([state, event]) => `${state} ${event}`));
    const there = states.flatMap((state) => Object.keys(transitions[state]).map((event) => `${state} ${event}`));
    expect(there.sort()).toEqual([...named].sort());
    for (const state of states)
      for (const event of events)
        if (!named.has(`${state} ${event}`)) expect(nextState(state, event, "server")).toBe(state);
  });

  test("leads only forwards: no event restores an earlier state", () => {
    for (const role of roles)
      for (const state of states)
        for (const event of events) {
          // The peer's and our own close frame may come in either order.
          const next = states.indexOf(nextState(state, event, role));
          expect(next).toBeGreaterThanOrEqual(states.indexOf(state));
        }
  });

  test("reaches each state, and leads from each to closed when the stream is closed", () => {
    const reached = new Set<State>(["open"]);
    for (const state of reached)
      for (const role of roles) for (const event of events) reached.add(nextState(state, event, role));
    expect([...reached].sort()).toEqual([...states].sort());
    expect(states.map((state) => nextState(state, "disconnect", "server"))).toEqual(states.map(() => "closed"));
  });
});

test("what a state allows", () => {
  const where = (allows: (state: State) => boolean): State[] => states.filter(allows);
  expect(where(canSend)).toEqual(["open"]);
  expect(where(canStartClose)).toEqual(["open", "peerClosing"]);
  expect(where(canSendClose)).toEqual(["open", "peerClosing", "closeQueued", "answerQueued"]);
  expect(where(answersPings)).toEqual(["open", "closeQueued", "closeSent"]);
  expect(where(isEnding)).toEqual(["ending", "closed"]);
});
