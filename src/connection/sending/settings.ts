import type { Role } from "../../protocol/state.ts";
import type { LimitCounters } from "../counters/limit-counters.ts";

/**
 * What happens to a message when more than `maxSendQueue` bytes wait for its peer: `"terminate"` gives the peer up (close
 * 1013), `"drop-newest"` drops this message, `"drop-oldest"` those that wait the longest, `"latest"` keeps only the
 * newest message of each `key`.
 */
export type SendQueuePolicy = "terminate" | "drop-newest" | "drop-oldest" | "latest";

/** How all connections of one server send. */
export interface SendingSettings {
  /** The end that sends: a client masks its frames, a server does not. */
  readonly role: Role;
  /** Bytes that may wait for the peer before `send` says so. */
  readonly highWaterMark: number;
  /** Bytes that may wait for the peer before the policy decides. */
  readonly maxSendQueue: number;
  /** Bytes that may wait for all slow peers of the process before the policy decides. */
  readonly maxTotalSendQueue: number;
  /** What decides beyond these. */
  readonly sendQueuePolicy: SendQueuePolicy;
  /** Counts how often the limits were reached. */
  readonly limitCounters: LimitCounters;
}
