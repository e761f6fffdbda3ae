import { constants } from "node:buffer";

import { shareOfMemory } from "../connection/process-memory.ts";
import { DEFAULT_MAX_JSON_DEPTH, DEFAULT_MAX_JSON_VALUES } from "../connection/receiving/json.ts";
import { DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE_SIZE, DEFAULT_MAX_STREAM_SIZE } from "../protocol/limits.ts";
import { KIB, MIB, type Range, amount, time, timeOrNever } from "../util/number-range.ts";

/** The options that are numbers, each with the reason for its default. Times are in milliseconds, sizes in bytes. */
export const numberOptions = {
  /** Far more than chat and JSON need; a thousand messages of this size do no harm. The limit is what a string can hold. */
  maxMessageSize: {
    min: 1,
    default: DEFAULT_MAX_MESSAGE_SIZE,
    max: constants.MAX_STRING_LENGTH,
    allowsInfinity: false,
  },
  /** A long film. It takes no memory: the limit is for disks and for the time that one message takes. */
  maxStreamSize: amount(DEFAULT_MAX_STREAM_SIZE),
  /** A message of the default limit in fragments of 64 bytes each. */
  maxFragments: amount(DEFAULT_MAX_FRAGMENTS),
  /** Deeper JSON is made to attack: recursive functions run out of stack. */
  maxJsonDepth: amount(DEFAULT_MAX_JSON_DEPTH, 0),
  /** It bounds the memory of messages larger than the default size. */
  maxJsonValues: amount(DEFAULT_MAX_JSON_VALUES),
  /** Long enough for a slow network and a database query, short enough to free what a dead client occupies. */
  handshakeTimeout: time(10_000),
  /** A round trip on the slowest network. */
  closeTimeout: time(5_000),
  /** The same as Node's own default for a request line and headers. */
  maxHeaderSize: amount(16 * KIB),
  /** The same as for what is sent. */
  maxTotalReceiveQueue: amount(shareOfMemory()),
  /** A peer that reads stays far below it, and a burst of large messages fits. */
  maxSendQueue: amount(16 * MIB),
  /** Sixty-four full queues take a gibibyte, so their sum is bounded by the memory there is. */
  maxTotalSendQueue: amount(shareOfMemory()),
  /** One message of the default limit. */
  highWaterMark: amount(1 * MIB, 0),
  /** Many proxies drop a connection after 30 s of silence. */
  pingInterval: timeOrNever(25_000),
  /** A round trip on the slowest network, and the time a phone takes to wake up. */
  pingTimeout: timeOrNever(20_000),
  /** A chat may be silent for days. Pings find dead peers. */
  idleTimeout: timeOrNever(Infinity),
  /** No limit: a connection may stay open as long as both sides want. */
  maxLifetime: timeOrNever(Infinity),
  /** About 400 MB of idle connections. Most systems allow a process fewer open files, unless they were configured. */
  maxConnections: amount(100_000),
  /** With carrier-grade NAT, a few thousand customers share one address. */
  maxConnectionsPerAddress: amount(20_000),
  /** Enough for 20,000 clients a second whose `onConnection` takes 100 ms. */
  maxHandshakes: amount(2_000),
  /** No limit: only the application knows its rate. */
  maxHandshakesPerSecond: amount(Infinity),
  maxMessagesPerSecond: amount(Infinity),
  maxBytesPerSecond: amount(Infinity),
  /** Far more than a person follows. */
  maxTopicsPerConnection: amount(1_000),
  /** A minute of a busy chat: 100,000 messages of 400 bytes. */
  maxHistoryMemory: amount(64 * MIB),
  /** A second of 16 MiB/s, which is much for a broker. */
  maxBackplaneQueue: amount(16 * MIB),
  /** A broker that restarts is there again in this time. */
  publishTimeout: time(5_000),
  /** Closing this many takes a few milliseconds. */
  closeBatchSize: amount(1_000),
} as const satisfies Record<string, Range>;
