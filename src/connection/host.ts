import type { Connection } from "./connection.ts";
import type { Culprit } from "./handler/events.ts";
import type { Clock } from "./life/vitals.ts";

/** The one a connection belongs to. */
export interface ConnectionHost extends Clock {
  /** The stream is gone: the connection's status is now "Closed". */
  left(connection: Connection): void;
  /** The handler has heard its last. */
  finished(connection: Connection): void;
  /** Something failed that the connection's handler cannot be told. */
  report(connection: Connection, error: unknown, culprit: Culprit): void;
}
