import type { Connection } from "./connection.ts";
import type { ErrorSource } from "./dispatch/events.ts";
import type { Clock } from "./keepalive/liveness.ts";

/** The one a connection belongs to. */
export interface ConnectionOwner extends Clock {
  /** The stream is gone: the connection's status is now "Closed". */
  onClosed(connection: Connection): void;
  /** The handler has heard its last. */
  onFinished(connection: Connection): void;
  /** Something failed that the connection's handler cannot be told. */
  onConnectionError(connection: Connection, error: unknown, culprit: ErrorSource): void;
}
