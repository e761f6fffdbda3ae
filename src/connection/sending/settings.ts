import type { LimitCounters } from "../counters/limit-counters.ts";

/**
 * What happens to a message when more than `maxSendQueue` bytes wait for its peer: `"terminate"` gives the peer up (close
 * 1013), `"drop-newest"` drops this message, `"drop-oldest"` those that wait the longest, `"latest"` keeps only the
 * newest message of each `key`.
 */
export type SendQueuePolicy = "terminate" | "drop-newest" | "drop-oldest" | "latest";

/** How all connections of one server send. */
export interface SendingSettings {
  /** Bytes of payload that one frame carries at most. */
  readonly fragmentSize: number;
  /** Bytes that may wait for the peer before `send` says so. */
  readonly highWaterMark: number;
  /** Bytes that may wait for the peer before the policy decides. */
  readonly maxSendQueue: number;
  /** Bytes that may wait for all slow peers of the process before the policy decides. */
  readonly maxTotalSendQueue: number;
  /** What decides beyond these. */
  readonly sendQueuePolicy: SendQueuePolicy;
  /** Pongs that wait for a stream that is full at most: RFC 6455 5.5.3 wants only the latest ping answered. */
  readonly maxPongQueue: number;
  /** Counts how often the limits were reached. */
  readonly limitCounters: LimitCounters;
}
