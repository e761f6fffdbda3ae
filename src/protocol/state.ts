/**
 * The states of a connection as a table: state and event give the next state (RFC 6455 4.1, 5.5.1, 7.1). The diagram in
 * `docs/architecture.md` is drawn from it. A test drives a connection through every edge, and fails at one that is not here.
 */

/** The states, in the order in which a connection can take them. */
export const states = [
  "open",
  "peerClosing",
  "closeQueued",
  "answerQueued",
  "closeSent",
  "awaitingEnd",
  "ending",
  "closed",
] as const;

/**
 * A connection's state.
 *
 * - `open`: messages go both ways.
 * - `peerClosing`: the peer's close frame was read. Its answer waits until the messages before it have been handled, or for
 *   `closeTimeout`.
 * - `closeQueued`: our close frame waits until a `Blob` before it has been read.
 * - `answerQueued`: the same, and the peer's close frame was read.
 * - `closeSent`: our close frame was written. The peer's is awaited.
 * - `awaitingEnd`: both were sent. A client waits for the server to close TCP (RFC 6455 7.1.1).
 * - `ending`: no frame goes either way. The stream is being ended.
 * - `closed`: the stream is gone.
 */
export type State = (typeof states)[number];

/** The events. */
export const events = ["queueClose", "sendClose", "receiveClose", "receiveEnd", "fail", "disconnect"] as const;

/**
 * Something that happens to a connection. `queueClose`: it is asked to close. `sendClose`: our close frame is written.
 * `receiveEnd`: the peer ended its side of the stream. `fail`: RFC 6455 7.1.7. `disconnect`: the stream is gone.
 */
export type Event = (typeof events)[number];

/** Which end of the connection this is (RFC 6455 1.2). */
export type Role = "server" | "client";

/** The state that follows, where it is not the same for both roles. */
type Next = State | Readonly<Record<Role, State>>;

/** Both close frames were sent: the server closes TCP, the client waits for that (RFC 6455 7.1.1). */
const BOTH_SENT = { server: "ending", client: "awaitingEnd" } as const;

/** The table. An event that is not named for a state leaves it as it is. */
export const transitions: Readonly<Record<State, Readonly<Partial<Record<Event, Next>>>>> = {
  open: {
    queueClose: "closeQueued",
    receiveClose: "peerClosing",
    receiveEnd: "ending",
    fail: "ending",
    disconnect: "closed",
  },
  // The peer may end its side after its close frame: the answer is still owed (RFC 6455 5.5.1).
  peerClosing: { queueClose: "answerQueued", fail: "ending", disconnect: "closed" },
  closeQueued: {
    sendClose: "closeSent",
    receiveClose: "answerQueued",
    receiveEnd: "ending",
    fail: "ending",
    disconnect: "closed",
  },
  answerQueued: { sendClose: BOTH_SENT, fail: "ending", disconnect: "closed" },
  closeSent: { receiveClose: BOTH_SENT, receiveEnd: "ending", fail: "ending", disconnect: "closed" },
  awaitingEnd: { receiveEnd: "ending", fail: "ending", disconnect: "closed" },
  ending: { disconnect: "closed" },
  closed: {},
};

/** The state that follows. */
export function nextState(state: State, event: Event, role: Role): State {
  const next = transitions[state][event] ?? state;
  return typeof next === "string" ? next : next[role];
}

/** Whether messages may be sent: not after the peer's close frame, although RFC 6455 5.5.1 allows it. It wants no more. */
export function canSend(state: State): boolean {
  return state === "open";
}

/** Whether nobody has begun to send our close frame. */
export function canStartClose(state: State): boolean {
  return state === "open" || state === "peerClosing";
}

/** Whether our close frame was not written yet, so that one may still be written. */
export function canSendClose(state: State): boolean {
  return canStartClose(state) || state === "closeQueued" || state === "answerQueued";
}

/** Whether a ping is answered: RFC 6455 5.5.1 forbids only data after our close frame. */
export function answersPings(state: State): boolean {
  return state === "open" || state === "closeQueued" || state === "closeSent";
}

/** Whether no frame goes out any more, so that the stream may be ended. */
export function isEnding(state: State): boolean {
  return state === "ending" || state === "closed";
}
