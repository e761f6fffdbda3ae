/**
 * The life of a connection as a table: state × event → state (RFC 6455 4.1, 7.1).
 * The diagram in `docs/architecture.md` is drawn from it and a test walks every cell.
 */

/** What a connection can be in. */
export const states = ["connecting", "open", "closing", "ending", "closed"] as const;

/** A connection's state. `closing`: our close frame is out. `ending`: no frame goes either way any more. */
export type State = (typeof states)[number];

/** What can happen to a connection. */
export const events = ["opened", "sendClose", "receiveClose", "fail", "disconnect"] as const;

/** Something that happens to a connection. `fail`: RFC 6455 7.1.7. `disconnect`: the stream is gone. */
export type Event = (typeof events)[number];

/** The state that follows. An event that means nothing in a state leaves it as it is. */
export const transitions: Readonly<Record<State, Readonly<Record<Event, State>>>> = {
  connecting: {
    opened: "open",
    sendClose: "connecting",
    receiveClose: "connecting",
    fail: "ending",
    disconnect: "closed",
  },
  open: { opened: "open", sendClose: "closing", receiveClose: "ending", fail: "ending", disconnect: "closed" },
  closing: { opened: "closing", sendClose: "closing", receiveClose: "ending", fail: "ending", disconnect: "closed" },
  ending: { opened: "ending", sendClose: "ending", receiveClose: "ending", fail: "ending", disconnect: "closed" },
  closed: { opened: "closed", sendClose: "closed", receiveClose: "closed", fail: "closed", disconnect: "closed" },
};

/** The state as 4D names it in `.status`. */
export type Status = "Connecting" | "Connected" | "Closing" | "Closed";

/** How 4D names each state. */
export const statusOf: Readonly<Record<State, Status>> = {
  connecting: "Connecting",
  open: "Connected",
  closing: "Closing",
  ending: "Closing",
  closed: "Closed",
};
