import type { Backplane } from "../backplane/contract.ts";
import type { HistoryLimits } from "../topics/history-node.ts";
import type { HistoryRules } from "../topics/history-rules.ts";
import type { WaitingLimits } from "./history-receivers.ts";
import type { LimitCounters } from "./limit-counters.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";

/** What the topics of a server need of it. */
export interface TopicSettings extends WaitingLimits, HistoryLimits {
  /** How many topics one connection may have. */
  readonly maxTopicsPerConnection: number;
  /** Which topics have a history; undefined: none. */
  readonly history: HistoryRules | undefined;
  /** What joins the server with others; undefined: nothing. */
  readonly backplane: Backplane | undefined;
  /** Bytes of a message. */
  readonly maxMessageSize: number;
  /** Counts how often each limit was reached. */
  readonly limitCounters: LimitCounters;
}

/** Tells the server's handler. */
export type TopicReporter = Pick<
  ServerDispatcher,
  "isTerminated" | "dispatchError" | "dispatchBackplane" | "dispatchPresence"
>;
