/**
 * The states of a client. `dialing`: it connects. `waiting`: it will connect again after a delay. `open`: it is connected.
 * `closing`: it ends, and its connection is still there. `closed`: it has ended, for good.
 */
export const states = ["dialing", "waiting", "open", "closing", "closed"] as const;

/** The state of a client. */
export type ClientState = (typeof states)[number];

/** 4D's names of the states of a client. */
export type ClientStatus = "Connecting" | "Connected" | "Closing" | "Closed";

/**
 * What happens to a client. `opened`: the handshake is done. `retry`: a dial failed or the connection was lost, and the client
 * connects again. `end`: the same, and it does not. `dial`: the delay is over, the page woke up, or `reconnect` was called.
 * `terminate`: the application ends it.
 */
export const clientEvents = ["opened", "retry", "end", "dial", "terminate"] as const;

/** An event of a client. */
export type ClientEvent = (typeof clientEvents)[number];

/** The table. An event that is not named for a state leaves it as it is. */
export const clientTransitions: Readonly<Record<ClientState, Readonly<Partial<Record<ClientEvent, ClientState>>>>> = {
  dialing: { opened: "open", retry: "waiting", end: "closed", dial: "dialing", terminate: "closed" },
  waiting: { end: "closed", dial: "dialing", terminate: "closed" },
  open: { retry: "waiting", end: "closed", dial: "dialing", terminate: "closing" },
  closing: { retry: "closed", end: "closed" },
  closed: {},
};

/** The state that follows. */
export function nextClientState(state: ClientState, event: ClientEvent): ClientState {
  return clientTransitions[state][event] ?? state;
}
