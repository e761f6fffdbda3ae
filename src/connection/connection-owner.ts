import type { Connection } from "./connection.ts";
import type { ErrorSource, WSTerminateEvent } from "./dispatch/events.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { Clock } from "./keepalive/liveness.ts";

/** The address that has a connection's place among the limits of its owner. */
export interface Place {
  /** The address; undefined: it is unknown, and has no limit. */
  readonly name: string | undefined;
  /** The clients of this address that have a place now. */
  places: number;
}

/** The owner of connections: the server. */
export interface ConnectionOwner extends Clock {
  /** The settings of all its connections. */
  readonly settings: ConnectionSettings;
  /**
   * The stream is closed: the connection's status is now "Closed".
   *
   * @param event what `onTerminate` will get, after the messages that were read before
   */
  onClosed(connection: Connection, event: WSTerminateEvent): void;
  /** The handler's `onTerminate` has settled. */
  onFinished(connection: Connection): void;
  /** An error that cannot be reported to the connection's own handler. */
  onConnectionError(connection: Connection, error: unknown, source: ErrorSource): void;
}
