import type { LimitName } from "../connection/counters/limit-counters.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";

/** What a server has counted since it was made. */
export interface ServerCounters {
  /** Connections. */
  readonly connections: {
    /** Let in so far. */
    readonly opened: number;
    /** Of those, gone again: with `wss.connections.length` they make `opened`. */
    readonly closed: number;
  };
  /** The messages that were sent over all connections, of those that are gone too. */
  readonly messages: MessageCounters;
  /** How often each limit was reached, by the name of its option. */
  readonly limits: Readonly<Record<LimitName, number>>;
}
