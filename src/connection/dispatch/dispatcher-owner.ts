import type { ErrorSource } from "./events.ts";
import type { DispatchSettings } from "./settings.ts";

/** What the dispatcher needs of its connection. */
export interface DispatcherOwner {
  /** The user's object for this connection: each callback's first argument. */
  readonly publicConnection: unknown;
  /** "Closed": its stream is gone. */
  readonly status: "Connected" | "Closing" | "Closed";
  /** How a message is parsed just before it is delivered, and how long `onTerminate` waits for tasks. */
  readonly settings: DispatchSettings;
  /** A message could not be parsed. */
  onUndecodable(error: unknown): void;
  /** `onOpen` or `onMessage` threw, or its promise was rejected. */
  onHandlerFailed(error: unknown): void;
  /** An error that the handler's `onError` cannot get: there is none, it was called before, or it threw itself. */
  reportError(error: unknown, source: ErrorSource): void;
  /** No callback runs or is awaited, and none waits. Called after each callback once a `SerialQueue` exists. */
  onHandlerIdle(): void;
}
