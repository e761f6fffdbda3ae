import type { AddressInfo } from "node:net";

/**
 * A web server to attach to: `http.Server`, `https.Server`, or a server of `http2`, with TLS or without.
 * The type has only the members that are used, so that a framework's own type fits too.
 */
export interface WebServer {
  /** Whether it listens. */
  readonly listening: boolean;
  /** The address on which it listens; null when it does not listen. */
  address(): AddressInfo | string | null;
  /** Adds a listener. */
  on(event: string | symbol, listener: Listener): unknown;
  /** Adds a listener that is called before the others. */
  prependListener?(event: string | symbol, listener: Listener): unknown;
  /** Adds a listener that is called once. */
  once(event: string | symbol, listener: Listener): unknown;
  /** Removes a listener. */
  off(event: string | symbol, listener: Listener): unknown;
  /** The number of listeners of an event. */
  listenerCount(event: string): number;
}

/**
 * As in Node's own declarations. The arguments depend on the event's name, which this type does not distinguish.
 *
 * @inline
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Listener = (...args: any[]) => void;
