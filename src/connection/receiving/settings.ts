import type { ConnectionLimitCounters } from "../counters/limit-counters.ts";
import type { Decoder } from "./decode.ts";

/** What happens to a peer that sends faster than it may: it is read no faster, or closed with 1008. */
export type RatePolicy = "pause" | "close";

/** How all connections of one server receive. */
export interface ReceivingSettings {
  /** Makes a handler's data of a message. */
  readonly decode: Decoder;
  /** Whether invalid JSON, or JSON beyond its limits, only drops the message. Otherwise it closes the connection. */
  readonly ignoresInvalidJson: boolean;
  /** Bytes a message may have. */
  readonly maxMessageSize: number;
  /** Bytes a message may have that is streamed. */
  readonly maxStreamSize: number;
  /** Fragments a message may have. */
  readonly maxFragments: number;
  /** Messages that a peer may send in a second. */
  readonly maxMessagesPerSecond: number;
  /** Bytes that a peer may send in a second, frames and all. */
  readonly maxBytesPerSecond: number;
  /** What happens beyond these. */
  readonly ratePolicy: RatePolicy;
  /** Bytes that may wait for all busy handlers of the process. */
  readonly maxTotalReceiveQueue: number;
  /** Counts how often the limits were reached. */
  readonly limitCounters: ConnectionLimitCounters;
}
