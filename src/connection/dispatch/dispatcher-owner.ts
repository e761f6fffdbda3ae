import type { ReadFlow } from "../receiving/read-flow.ts";
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
  /** Decides when reading pauses. It is told how far the handler has come; undefined: nothing has waited yet. */
  readonly readFlow: Pick<ReadFlow, "isFull" | "noteDelivered" | "onHandlerIdle"> | undefined;
  /** A message could not be parsed. */
  onUndecodable(error: unknown): void;
  /** `onOpen` or `onMessage` threw, or its promise was rejected. */
  onHandlerFailed(error: unknown): void;
  /** An error that the handler's `onError` cannot get: there is none, it was called before, or it threw itself. */
  reportError(error: unknown, source: ErrorSource): void;
}
