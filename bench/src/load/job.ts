import type { Dialect } from "../wire/dialects.ts";
import type { Format } from "../wire/frames.ts";

/**
 * The kinds of load.
 * - `echo`: every connection keeps `depth` messages in flight, and receives each of them back.
 * - `fan`: the first connection keeps `depth` messages in flight, and every connection receives each of them.
 * - `groups`: every connection is in a group of {@link GROUP_SIZE}, and keeps `depth` messages in flight, which its whole group receives.
 * - `handshakes`: every connection is reset as soon as it is open, and a new one is opened.
 * - `latency`: messages are sent at a fixed rate, independent of the answers.
 * - `idle`: connections are opened, exchange `messages` messages each if there are any, and stay open.
 * - `joined`: as `fan`, with two servers that Redis joins: `connections` at each of them, and the sender is one of the first server.
 * - `crossing`: messages are sent at a fixed rate to the first server. The latency is that of a connection of the second one.
 * - `append`: no connections. `connections` topics with history keep `depth` messages in flight each, until they are stored.
 */
export type Kind = "echo" | "fan" | "groups" | "handshakes" | "latency" | "idle" | "joined" | "crossing" | "append";

/** Whether messages are sent at a fixed rate: the result is their latency. */
export function isPaced(kind: Kind): boolean {
  return kind === "latency" || kind === "crossing";
}

/** The connections of a group. */
export const GROUP_SIZE = 10;

/** One run of the load generator against one server. */
export interface Job {
  readonly kind: Kind;
  readonly port: number;
  /** The port of the second server; only `joined` and `crossing` have one. */
  readonly secondPort?: number;
  /** The processes of the servers, whose CPU time is measured. */
  readonly serverPids: readonly number[];
  /** The process of the broker between servers. Its CPU time counts too. */
  readonly brokerPid?: number;
  readonly dialect: Dialect;
  readonly route: string;
  readonly format: Format;
  readonly connections: number;
  /** Bytes of payload. */
  readonly size: number;
  /** Messages in flight per connection. */
  readonly depth: number;
  /** Messages that each connection of an `idle` job exchanges before it is silent. */
  readonly messages: number;
  /** Whether the messages differ from each other. Otherwise all are the same. */
  readonly varied: boolean;
  /** Whether the client offers permessage-deflate, and compresses its messages. Then answers must be compressed too. */
  readonly compressed: boolean;
  /** Messages per second over all connections. Only `latency` and `crossing` use it. */
  readonly rate: number;
  /** Seconds of load before the measurement. */
  readonly warmup: number;
  /** Seconds that are measured. */
  readonly seconds: number;
}

/** Latency in microseconds, from the time at which a message was due. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** The p99 of the delay with which the generator sent: the part of the latency that is not caused by the server. */
  readonly sentLateP99: number;
}

/** The result of one run. CPU figures are null on systems without /proc. */
export interface Sample {
  /** Messages that were received in the measured time; for `handshakes`, the number of these. */
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  /** Bytes of a received message with its frame. With compression they are fewer than those of the message. */
  readonly wireBytes?: number;
  /** CPU time of the servers, and of the broker between them if there is one, per message: all threads, user and system. */
  readonly serverMicros: number | null;
  /** The part of it that is the broker's. */
  readonly brokerMicros?: number;
  /** CPU time of the load generator per message. */
  readonly loadMicros: number;
  /** CPU seconds of the server per second: 1 is one full core. */
  readonly serverShare: number | null;
  readonly loadShare: number;
  /** CPU seconds per second of all other processes on the machine, including stolen time. */
  readonly foreignShare: number | null;
  readonly latency?: Latency;
}

/** A command to the process of the load generator. */
export type Command =
  | { readonly run: Job }
  | { readonly hold: Job }
  /** Messages on each of the connections that are held. */
  | { readonly exchange: number }
  /** A garbage collection, of a process with clients that are measured. */
  | { readonly collect: true }
  | { readonly release: true };

/** The answer to a {@link Command}. `held` is sent when all idle connections are open, `done` after an exchange, or when they were reset. */
export type Report =
  { readonly sample: Sample } | { readonly held: number } | { readonly done: true } | { readonly failed: string };
