import type { DataType } from "../connection/receiving/decode.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { MIB, amount, time } from "../util/number-range.ts";
import { type Reader, type ValuesOf, oneOf, readTable } from "../util/option-table.ts";
import type { BackoffSettings } from "./backoff.ts";
import { type DialSources, readProtocols } from "./dialing.ts";
import type { ReconnectOptions } from "./options.ts";
import { readUrl, shownUrl } from "./url.ts";
import type { CodeRange } from "./verdict.ts";
import type { WaitingLimits } from "./waiting-queue.ts";

/** How a client connects again: checked, with the defaults filled in. */
export interface ReconnectSettings extends BackoffSettings, WaitingLimits {
  /** Dials in a row that may fail. */
  readonly maxAttempts: number;
  /** What `send` does meanwhile. */
  readonly whileAway: "refuse" | "queue";
  /** Close codes that are retried too. */
  readonly retryCodes: readonly CodeRange[];
  /** Decides in place of the table. */
  readonly retry: ReconnectOptions["retry"];
}

/** What the life of a client needs of its options, on every platform. */
export interface ClientSettings {
  /** What is asked before a dial. */
  readonly sources: DialSources;
  /** The URL without user and password; "": a function is asked for it. */
  readonly shownUrl: string;
  /** Whether something is asked before every dial: then the next dial may have other credentials. */
  readonly hasProvider: boolean;
  /** How it connects again; undefined: it does not. */
  readonly reconnect: ReconnectSettings | undefined;
  /** Ends the client. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds for a dial. */
  readonly handshakeTimeout: number;
  /** Milliseconds for the close handshake, and for callbacks after it. */
  readonly closeTimeout: number;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** The options that every platform has. */
export const sharedOptions = {
  dataType: oneOf(["text", "blob", "object", "auto"], "text"),
  protocols: (value: unknown) => provided(value, readProtocols) as DialSources["protocols"],
  reconnect: readReconnect,
  signal: readSignal,
  handshakeTimeout: time(10_000),
  closeTimeout: time(5_000),
  /** Servers are trusted more than their clients: their messages may be larger. */
  maxMessageSize: { min: 1, default: 16 * MIB, max: 2 ** 29 - 24, allowsInfinity: false },
  maxJsonDepth: amount(64, 0),
  maxJsonValues: amount(100_000),
  maxReceiveQueue: amount(16 * MIB),
  highWaterMark: amount(MIB, 0),
  maxSendQueue: amount(16 * MIB),
  probe: readProbe,
} as const;

/** What other libraries call an option. */
export const ALIASES: Readonly<Record<string, string>> = {
  maxPayload: "maxMessageSize",
  perMessageDeflate: "compression",
  protocol: "protocols",
  timeout: "handshakeTimeout",
  agent: "createConnection",
  whileAway: "reconnect: { whileAway }",
  maxAttempts: "reconnect: { maxAttempts }",
};

/** The values of the shared options. */
export type SharedValues = ValuesOf<typeof sharedOptions>;

/** The settings of a client's life. */
export function clientSettings(
  url: DialSources["url"],
  values: Pick<SharedValues, "protocols" | "reconnect" | "signal" | "handshakeTimeout" | "closeTimeout">,
  baseUrl: string | undefined,
  headers?: unknown,
): ClientSettings {
  const { protocols, reconnect, signal, handshakeTimeout, closeTimeout } = values;
  const sources = { url, protocols, baseUrl };
  const shown = typeof url === "function" ? "" : shownUrl(readUrl(url, baseUrl));
  const hasProvider = [url, protocols, headers].some((one) => typeof one === "function");
  return {
    sources,
    shownUrl: shown,
    hasProvider,
    reconnect,
    signal,
    handshakeTimeout,
    closeTimeout,
    random: Math.random,
  };
}

/**
 * The data type of a client, of which its handler may speak too (4D).
 *
 * @throws {InvalidArgumentError} if both speak of it, and differ
 */
export function withHandlerType(options: object, handler: object): object {
  const { dataType: ofHandler } = handler as { dataType?: DataType };
  const { dataType } = options as { dataType?: DataType };
  if (ofHandler === undefined || ofHandler === dataType) return options;
  if (dataType !== undefined)
    throw new InvalidArgumentError(`dataType: "${dataType}" in the options, "${ofHandler}" on the handler`);
  return { ...options, dataType: ofHandler };
}

/** Checks what is given at once; a function is asked before every dial. */
function provided(value: unknown, check: (value: unknown) => unknown): unknown {
  return typeof value === "function" ? value : check(value);
}

const reconnectOptions = {
  baseDelay: time(1_000),
  maxDelay: time(30_000),
  maxAttempts: { ...amount(Infinity), default: Infinity },
  whileAway: oneOf(["refuse", "queue"], "refuse"),
  maxQueue: amount(MIB),
  maxQueueAge: { ...time(60_000), allowsInfinity: true },
  queuePolicy: oneOf(["drop-oldest", "drop-newest", "latest"], "drop-oldest"),
  retryCodes: readCodes,
  retry: optionalFunction,
} as const;

function readReconnect(value: unknown): ReconnectSettings | undefined {
  if (value === undefined || value === false) return undefined;
  if (value !== true && (typeof value !== "object" || value === null))
    throw new InvalidArgumentError(`reconnect: expected true, false or an object, got ${describe(value)}`);
  return readTable(reconnectOptions, value === true ? {} : value, {}, "reconnect: ");
}

function readCodes(value: unknown, name: string): readonly CodeRange[] {
  if (value === undefined) return [];
  const isCode = (one: unknown): boolean => Number.isInteger(one) && Number(one) >= 1000 && Number(one) <= 4999;
  const isRange = (one: unknown): boolean => Array.isArray(one) && one.length === 2 && one.every(isCode);
  if (Array.isArray(value) && value.every((one) => isCode(one) || isRange(one))) return [...(value as CodeRange[])];
  throw new InvalidArgumentError(`${name}: expected close codes and ranges like [4009, [4100, 4199]]`);
}

function optionalFunction(value: unknown, name: string): ReconnectOptions["retry"] {
  if (value === undefined || typeof value === "function") return value as ReconnectOptions["retry"];
  throw new InvalidArgumentError(`${name}: expected a function, got ${describe(value)}`);
}

function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new InvalidArgumentError(`signal: expected an AbortSignal, got ${describe(value)}`);
}

/** How a browser asks for a sign of life. */
export interface ProbeSettings {
  /** The text that is sent. */
  readonly request: string;
  /** The text that is the answer. */
  readonly response: string;
  /** Milliseconds of silence before it. */
  readonly every: number;
  /** Milliseconds for the answer. */
  readonly timeout: number;
}

const requiredText: Reader<string> = (value, name) => {
  if (typeof value === "string" && value !== "") return value;
  throw new InvalidArgumentError(`${name}: expected a text`);
};

const probeOptions = {
  request: requiredText,
  response: requiredText,
  every: time(25_000),
  timeout: time(5_000),
} as const;

function readProbe(value: unknown): ProbeSettings | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null)
    throw new InvalidArgumentError(`probe: expected an object like { request: "ping", response: "pong" }`);
  return readTable(probeOptions, value, {}, "probe: ");
}
