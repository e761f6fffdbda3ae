import type { AddressInfo } from "node:net";

/**
 * A web server to attach to: `http.Server`, `https.Server`, or an `http2` server that also speaks HTTP/1.1.
 * Only what is used of it is asked for, so that a framework's own type fits too.
 */
export interface WebServer {
  /** Whether it listens already. */
  readonly listening: boolean;
  /** Where it listens; null when it does not. */
  address(): AddressInfo | string | null;
  /** Adds a listener. */
  on(event: string | symbol, listener: Listener): unknown;
  /** Adds a listener for one time. */
  once(event: string | symbol, listener: Listener): unknown;
  /** Takes a listener off. */
  off(event: string | symbol, listener: Listener): unknown;
  /** How many listen to an event. */
  listenerCount(event: string): number;
}

// What Node's own declarations have: the arguments follow from the event's name, which this type does not look at.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Listener = (...args: any[]) => void;
