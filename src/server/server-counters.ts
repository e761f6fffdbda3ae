import type { HistoryCounters } from "../topics/history-counters.ts";
import type { LimitName } from "./limit-counters.ts";
import type { RefusalReason } from "../handshake/refusal.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";

/** What became of the requests of clients of `hawser.v1` to subscribe. One whose promise is pending is in none of them. */
export interface TopicRequestCounters {
  /** `onSubscribe` has granted them: the connection has subscribed. */
  granted: number;
  /** `onSubscribe` has refused them, there is none, or a limit has: `limits` counts that too. */
  refused: number;
  /** The history of the topic could not be read. */
  failed: number;
  /** Their client has asked for many in a short time: what it sent next has waited, up to 50 ms each time. */
  delayed: number;
}

/** The counts of a server since it was made. */
export interface ServerCounters {
  /** Counts of connections. */
  readonly connections: {
    /** Connections that have opened. */
    readonly opened: number;
    /** Connections that have closed. Together with `wss.connections.length` they add up to `opened`. */
    readonly closed: number;
    /**
     * Closed connections with a callback, or a task of `waitUntil`, that has not settled. They keep their places in `maxConnections`. Those
     * whose client had gone before they could open count here, and not as opened.
     */
    readonly leaving: number;
  };
  /** Counts of the tasks of `ws.waitUntil`. */
  readonly tasks: {
    /** Tasks that had not settled when `onTerminate` was called: after `closeTimeout`, or at the end of the server. */
    readonly unfinished: number;
  };
  /** Counts of the messages that were sent over all connections, closed ones included. */
  readonly messages: MessageCounters;
  /** Topics that have a subscriber now. */
  readonly topics: number;
  /** Requests of clients to subscribe. */
  readonly topicRequests: Readonly<TopicRequestCounters>;
  /** Messages of topics with history. */
  readonly history: Readonly<HistoryCounters>;
  /** Requests that `autoResponse` has answered, over all connections, closed ones included. The answers count in `messages` too. */
  readonly autoResponses: number;
  /** Clients that were refused, by the reason. `handler`: `onConnection` has refused them. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** How often each limit was reached, by the name of the limit: that of its option, or `maxTopics`. */
  readonly limits: Readonly<Record<LimitName, number>>;
}
