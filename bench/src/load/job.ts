import type { Dialect } from "../wire/dialects.ts";
import type { Format } from "../wire/frames.ts";

/**
 * The kinds of load.
 * - `echo`: every connection keeps `depth` messages in flight and gets each one back.
 * - `fan`: the first connection keeps `depth` in flight, every connection gets each of them.
 * - `handshakes`: every connection is reset as soon as it is open, and opened anew.
 * - `latency`: messages go out at a fixed rate, whatever the answers do.
 * - `idle`: connections are opened and kept.
 */
export type Kind = "echo" | "fan" | "handshakes" | "latency" | "idle";

/** One run of the load generator against one server. */
export interface Job {
  readonly kind: Kind;
  readonly port: number;
  /** Process whose CPU time is charged to the messages. */
  readonly serverPid: number;
  readonly dialect: Dialect;
  readonly route: string;
  readonly format: Format;
  readonly connections: number;
  /** Bytes of payload. */
  readonly size: number;
  /** Messages in flight per connection. */
  readonly depth: number;
  /** Messages per second over all connections; only `latency` looks at it. */
  readonly rate: number;
  /** Seconds of load before the clock starts. */
  readonly warmup: number;
  /** Seconds that are measured. */
  readonly seconds: number;
}

/** Microseconds from the moment a message was due to be sent. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** p99 of how late the generator itself sent: what of the figures above is not the server's. */
  readonly sentLateP99: number;
}

/** What one run found. CPU figures are null where the system has no /proc. */
export interface Sample {
  /** Messages (fan-out: deliveries; handshakes) that came back in the measured time. */
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  /** CPU time of the server, all its threads, user and system, per message. */
  readonly serverMicros: number | null;
  /** CPU time of the load generator per message. */
  readonly loadMicros: number;
  /** CPU seconds of the server per second of the clock: 1 is one core, full. */
  readonly serverShare: number | null;
  readonly loadShare: number;
  /** CPU seconds per second that went to neither of them: anything else on the machine, stolen time included. */
  readonly foreignShare: number | null;
  readonly latency?: Latency;
}

/** What the generator's process is told, and what it answers. */
export type Command = { readonly run: Job } | { readonly hold: Job } | { readonly release: true };

/** See {@link Command}; `held` comes when all idle connections are open, `done` when they are gone. */
export type Report =
  { readonly sample: Sample } | { readonly held: number } | { readonly done: true } | { readonly failed: string };
