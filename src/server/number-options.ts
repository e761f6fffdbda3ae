import { constants } from "node:buffer";
import { totalmem } from "node:os";

import { DEFAULT_MAX_JSON_DEPTH, DEFAULT_MAX_JSON_VALUES } from "../connection/receiving/json.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE_SIZE } from "../protocol/limits.ts";

/** What a number among the options may be. */
interface Range {
  readonly least: number;
  /** The default. */
  readonly usual: number;
  readonly most: number;
  /** Infinity takes the limit away. */
  readonly endless: boolean;
}

/** What Node's timers can wait for, in milliseconds. */
const MAX_TIMEOUT = 2 ** 31 - 1;
const KIB = 1024;
const MIB = 1024 * KIB;

/** Milliseconds, that have an end. */
function time(usual: number): Range {
  return { least: 1, usual, most: MAX_TIMEOUT, endless: false };
}

/** Milliseconds; Infinity: never. */
function mayBeNever(usual: number): Range {
  return { ...time(usual), endless: true };
}

/** Bytes, or how many. */
function amount(usual: number, least = 1): Range {
  return { least, usual, most: Number.MAX_SAFE_INTEGER, endless: true };
}

/** A quarter of what the process may have: what waits for slow peers is not to be what it dies of. */
function shareOfMemory(): number {
  // 0 or undefined where nothing but the machine limits it; some say 2^64 for that.
  const constrained = process.constrainedMemory() as number | undefined;
  const all = Math.min(totalmem(), constrained === undefined || constrained === 0 ? Infinity : constrained);
  return Math.max(64 * MIB, Math.floor(all / 4));
}

/** The options that are numbers, each with the reason for its default. Times in milliseconds, sizes in bytes. */
export const numberOptions = {
  /** Above chat and JSON by far, below what hurts a thousand times over. At most what a string can hold. */
  maxMessageSize: { least: 1, usual: DEFAULT_MAX_MESSAGE_SIZE, most: constants.MAX_STRING_LENGTH, endless: false },
  /** A message of the default limit in fragments of 64 bytes each. */
  maxFragments: amount(DEFAULT_MAX_FRAGMENTS),
  /** Deeper is made by machines, to make functions run out of stack that call themselves. */
  maxJsonDepth: amount(DEFAULT_MAX_JSON_DEPTH, 0),
  /** More than a message of the default size can hold: a bound for those who let in larger ones. */
  maxJsonValues: amount(DEFAULT_MAX_JSON_VALUES),
  /** Long enough for a slow network and a look into a database, short enough to free what a dead client holds. */
  handshakeTimeout: time(10_000),
  /** A close frame's way there and back on the slowest network. */
  closeTimeout: time(5_000),
  /** A request line and headers have this many bytes at most: what Node itself allows by default. */
  maxHeaderSize: amount(16 * KIB),
  /** A peer that reads never gets near it, and a burst of large messages fits. */
  maxSendQueue: amount(16 * MIB),
  /** Sixty-four peers with a full queue each have a gibibyte: their number is bounded by what there is. */
  maxTotalSendQueue: amount(shareOfMemory()),
  /** One message of the default limit. */
  highWaterMark: amount(1 * MIB, 0),
  /** Proxies and NAT forget a connection after a minute of silence or more. */
  pingInterval: mayBeNever(30_000),
  /** The slowest network's way there and back, and a phone that has to wake up. */
  pingTimeout: mayBeNever(20_000),
  /** A chat may be silent for days: heartbeats find the dead. */
  idleTimeout: mayBeNever(Infinity),
  /** As long as both sides live. */
  maxLifetime: mayBeNever(Infinity),
  /** Some 400 MB of idle connections; a process has fewer open files than that unless somebody has thought about it. */
  maxConnections: amount(100_000),
  /** A carrier's NAT has a few thousand customers behind one address. */
  maxConnectionsPerAddress: amount(20_000),
  /** Twenty thousand clients a second whose `onConnection` takes a tenth of one. */
  maxHandshakes: amount(2_000),
  /** Whoever has a rate to keep knows which. */
  maxHandshakesPerSecond: amount(Infinity),
  maxMessagesPerSecond: amount(Infinity),
  maxBytesPerSecond: amount(Infinity),
  /** A few milliseconds of work. */
  closeBatchSize: amount(1_000),
  /** Ten thousand clients a second come back to the next server. */
  closeBatchInterval: time(100),
} as const satisfies Record<string, Range>;

/** The name of an option that is a number. */
export type NumberOptionName = keyof typeof numberOptions;

/** The numbers among the options, with their defaults filled in. */
export type NumberOptions = Readonly<Record<NumberOptionName, number>>;

/**
 * Checks all numbers among the options.
 *
 * @throws {InvalidArgumentError} for something that is no number
 * @throws {OutOfRangeError} for one out of range
 */
export function readNumberOptions(options: Readonly<Partial<Record<NumberOptionName, unknown>>>): NumberOptions {
  const names = Object.keys(numberOptions) as NumberOptionName[];
  return Object.fromEntries(
    names.map((name) => [name, readNumber(name, options[name], numberOptions[name])]),
  ) as NumberOptions;
}

/**
 * Checks one number.
 *
 * @throws {InvalidArgumentError} for something that is no number
 * @throws {OutOfRangeError} for one out of range
 */
export function readNumber(name: string, value: unknown, { least, usual, most, endless }: Range): number {
  if (value === undefined) return usual;
  if (typeof value !== "number") throw new InvalidArgumentError(`${name}: expected a number, got ${typeof value}`);
  if (endless && value === Infinity) return value;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new OutOfRangeError(
    `${name}: expected an integer from ${String(least)} to ${String(most)}${endless ? ", or Infinity" : ""}, got ${String(value)}`,
  );
}
