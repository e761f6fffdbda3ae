import { describe, expect, test } from "vitest";
import { type Event, type State, events, states, statusOf, transitions } from "../../src/protocol/state.ts";

/** Each cell, by hand from RFC 6455 4.1, 5.5.1, 7.1 and 7.2: state, event, the state that follows. */
const cells: readonly (readonly [State, Event, State, string])[] = [
  ["connecting", "opened", "open", "the opening handshake is done"],
  ["connecting", "sendClose", "connecting", "there are no frames yet"],
  ["connecting", "receiveClose", "connecting", "there are no frames yet"],
  ["connecting", "fail", "ending", "a connection that fails early sends nothing"],
  ["connecting", "disconnect", "closed", "the stream is gone"],

  ["open", "opened", "open", "it is open"],
  ["open", "sendClose", "closing", "7.1.3: the closing handshake has started"],
  ["open", "receiveClose", "ending", "5.5.1: it is answered, then both close frames are out"],
  ["open", "fail", "ending", "7.1.7: nothing more is processed"],
  ["open", "disconnect", "closed", "the stream is gone"],

  ["closing", "opened", "closing", "it was open before"],
  ["closing", "sendClose", "closing", "5.5.1: one close frame is sent"],
  ["closing", "receiveClose", "ending", "both close frames are out"],
  ["closing", "fail", "ending", "7.1.7: nothing more is processed"],
  ["closing", "disconnect", "closed", "the stream is gone"],

  ["ending", "opened", "ending", "it was open before"],
  ["ending", "sendClose", "ending", "5.5.1: nothing follows a close frame"],
  ["ending", "receiveClose", "ending", "nothing is read any more"],
  ["ending", "fail", "ending", "it fails once"],
  ["ending", "disconnect", "closed", "the stream is gone"],

  ["closed", "opened", "closed", "closed is the end"],
  ["closed", "sendClose", "closed", "closed is the end"],
  ["closed", "receiveClose", "closed", "closed is the end"],
  ["closed", "fail", "closed", "closed is the end"],
  ["closed", "disconnect", "closed", "closed is the end"],
];

describe("the state table", () => {
  test.each(cells)("%s, %s: %s, for %s", (state, event, next) => {
    expect(transitions[state][event]).toBe(next);
  });

  test("has no cell that is not named above", () => {
    const walked = cells.map(([state, event]) => `${state} ${event}`);
    expect(walked).toEqual(states.flatMap((state) => events.map((event) => `${state} ${event}`)));
    const there = Object.entries(transitions).flatMap(([state, row]) =>
      Object.keys(row).map((key) => `${state} ${key}`),
    );
    expect(there).toEqual(walked);
  });

  test("leads onwards only: no event brings an earlier state back", () => {
    for (const [state, event] of cells) {
      expect(states.indexOf(transitions[state][event])).toBeGreaterThanOrEqual(states.indexOf(state));
    }
  });

  test("comes to each state by some way, and from each to the end when the stream goes", () => {
    const reached = new Set<State>(["connecting"]);
    for (const state of reached) for (const event of events) reached.add(transitions[state][event]);
    expect([...reached].sort()).toEqual([...states].sort());
    expect(states.map((state) => transitions[state].disconnect)).toEqual(states.map(() => "closed"));
  });
});

describe("the status", () => {
  test("has 4D's names, and says Connected only while messages can be sent", () => {
    expect(states.map((state) => statusOf[state])).toEqual(["Connecting", "Connected", "Closing", "Closing", "Closed"]);
  });
});
