import type { Role } from "../../protocol/state.ts";
import type { ConnectionLimitCounters } from "../counters/limit-counters.ts";

/**
 * What happens to a message when more than `maxSendQueue` bytes wait for its peer: `"terminate"` closes the connection
 * (close code 1013), `"drop-newest"` drops this message, `"drop-oldest"` drops the messages that wait longest, and
 * `"latest"` keeps only the newest message of each `key`.
 */
export type SendQueuePolicy = "terminate" | "drop-newest" | "drop-oldest" | "latest";

/** The settings for sending, which all connections of a server share. */
export interface SendingSettings {
  /** The end that sends: a client masks its frames, a server does not. */
  readonly role: Role;
  /** If more bytes wait for the peer, `send` reports that the peer is slow. */
  readonly highWaterMark: number;
  /** If more bytes wait for the peer, the policy applies. */
  readonly maxSendQueue: number;
  /** If more bytes wait for all slow peers of the process, the policy applies. */
  readonly maxTotalSendQueue: number;
  /** What happens to a message above these limits. */
  readonly sendQueuePolicy: SendQueuePolicy;
  /** Counts how often the limits were reached. */
  readonly limitCounters: ConnectionLimitCounters;
}
