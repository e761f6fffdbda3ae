import type { State } from "../protocol/state.ts";

/** The state of a server's connection as 4D names it in `.status`. */
export type Status = "Connected" | "Closing" | "Closed";

/** How 4D names each state. */
const statuses: Readonly<Record<State, Status>> = {
  open: "Connected",
  peerClosing: "Closing",
  closeQueued: "Closing",
  answerQueued: "Closing",
  closeSent: "Closing",
  awaitingEnd: "Closing",
  ending: "Closing",
  closed: "Closed",
};

/** 4D's name of a state. */
export function statusOf(state: State): Status {
  return statuses[state];
}
