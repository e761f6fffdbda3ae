import type { ConnectionOptions } from "node:tls";

import { readCompression } from "../../compression/options.ts";
import type { CompressionSettings } from "../../compression/settings.ts";
import { connectionLimitNames, zeroCounters } from "../../connection/counters/limit-counters.ts";
import { toTicks } from "../../connection/keepalive/ticks.ts";
import { shareOfMemory } from "../../connection/process-memory.ts";
import { type DataType, decoders, objectDecoder } from "../../connection/receiving/decode.ts";
import type { ConnectionSettings } from "../../connection/settings.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_STREAM_SIZE } from "../../protocol/limits.ts";
import { describe } from "../../util/describe.ts";
import { KIB, amount, timeOrNever } from "../../util/number-range.ts";
import { type ValuesOf, oneOf, readTable } from "../../util/option-table.ts";
import type { ClientOptions } from "../options.ts";
import { ALIASES, type SharedValues, sharedOptions, withHandlerType } from "../settings.ts";
import { headerList } from "./headers.ts";
import { isSession } from "./http2-settings.ts";
import { readProxy } from "./proxy-tunnel.ts";

/** How a client connects on Node: checked, with the defaults filled in. */
export interface NodeSettings {
  /** Of the server's answer, and of the proxy's, in bytes. */
  readonly maxHeaderSize: number;
  /** How it compresses; undefined: it offers no compression. */
  readonly compression: CompressionSettings | undefined;
  /** More headers of the request. */
  readonly headers: ClientOptions["headers"];
  /** The header `Origin`. */
  readonly origin: string | undefined;
  /** Options of `tls.connect`. */
  readonly tls: ConnectionOptions | undefined;
  /** The proxy; undefined: that of the environment. */
  readonly proxy: ClientOptions["proxy"];
  /** A Unix socket. */
  readonly socketPath: string | undefined;
  /** Makes the connection. */
  readonly createConnection: ClientOptions["createConnection"];
  /** Whether HTTP/2 may be used, or the session for it. */
  readonly http2: NonNullable<ClientOptions["http2"]>;
}

const nodeOptions = {
  ...sharedOptions,
  headers: readHeaders,
  origin: readOrigin,
  // Node takes no Infinity.
  maxHeaderSize: { ...amount(16 * KIB), allowsInfinity: false },
  maxStreamSize: amount(DEFAULT_MAX_STREAM_SIZE),
  maxFragments: amount(DEFAULT_MAX_FRAGMENTS),
  invalidJson: oneOf(["close", "ignore"], "close"),
  sendQueuePolicy: oneOf(["terminate", "drop-newest", "drop-oldest", "latest"], "terminate"),
  pingInterval: timeOrNever(25_000),
  pingTimeout: timeOrNever(20_000),
  compression: readCompression,
  tls: readTls,
  proxy: readProxyOption,
  socketPath: optionalText,
  createConnection: readFunction,
  http2: readHttp2,
} as const;

/** Options of `tls.connect`, which other libraries take beside their own. */
const TLS_OPTIONS = [
  "ca",
  "cert",
  "key",
  "passphrase",
  "pfx",
  "rejectUnauthorized",
  "servername",
  "checkServerIdentity",
];

const NODE_ALIASES = { ...ALIASES, ...Object.fromEntries(TLS_OPTIONS.map((name) => [name, `tls: { ${name} }`])) };

/** The values of all options on Node. */
export type NodeValues = ValuesOf<typeof nodeOptions>;

/**
 * Checks the options of a client on Node, and fills in their defaults.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readNodeOptions(options: unknown, handler: object): NodeValues {
  if (typeof options !== "object" || options === null) throw new InvalidArgumentError("options: expected an object");
  const { headers: ofHandler } = handler as { headers?: unknown };
  const given = withHandlerType(options, handler);
  const withHeaders =
    ofHandler === undefined || Object.hasOwn(given, "headers") ? given : { ...given, headers: ofHandler };
  const values = readTable(nodeOptions, withHeaders, NODE_ALIASES);
  if (values.invalidJson === "ignore" && values.dataType !== "object")
    throw new InvalidArgumentError('invalidJson: "ignore" is only for dataType: "object"');
  checkWays(values);
  return values;
}

/** Two ways to the server, or options of TLS for a session that has begun: one of them would be ignored in silence. */
function checkWays({ socketPath, createConnection, proxy, http2, tls }: NodeValues): void {
  const session = typeof http2 === "function" ? http2 : undefined;
  const ways = { socketPath, createConnection, proxy: proxy ?? undefined, "a function for http2": session };
  const given = Object.entries(ways).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (session !== undefined && tls !== undefined) given.unshift("tls");
  if (given.length > 1) throw new InvalidArgumentError(`${given[0] ?? ""}: not together with ${given[1] ?? ""}`);
}

/** The parts of the options that a dial needs. */
export function nodeSettings(values: NodeValues): NodeSettings {
  const { maxHeaderSize, compression, headers, origin, tls, proxy, socketPath, createConnection, http2 } = values;
  return { maxHeaderSize, compression, headers, origin, tls, proxy, socketPath, createConnection, http2 };
}

/** More kinds of clients than a process has. */
const MAX_KINDS = 64;

/** The settings of clients with the same options, by these options. Each client alone would need some kilobytes. */
const known = new Map<string, ConnectionSettings>();

/** The settings of the connections of a client: one object for all clients with the same options. */
export function connectionSettings(values: NodeValues): ConnectionSettings {
  const key = CONNECTION_OPTIONS.map((name) => keyOf(values[name])).join();
  let settings = known.get(key);
  if (settings === undefined) {
    for (const oldest of known.keys()) if (known.size >= MAX_KINDS) known.delete(oldest);
    known.set(key, (settings = newConnectionSettings(values)));
  }
  return settings;
}

/** JSON has no Infinity. */
function keyOf(value: NodeValues[(typeof CONNECTION_OPTIONS)[number]]): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The options that a connection needs. All are numbers, texts, or objects of these. */
const CONNECTION_OPTIONS = [
  "dataType",
  "invalidJson",
  "maxJsonDepth",
  "maxJsonValues",
  "maxMessageSize",
  "maxStreamSize",
  "maxFragments",
  "highWaterMark",
  "maxSendQueue",
  "sendQueuePolicy",
  "closeTimeout",
  "pingInterval",
  "pingTimeout",
  "compression",
] as const;

function newConnectionSettings(values: NodeValues): ConnectionSettings {
  const { closeTimeout, pingInterval, pingTimeout, compression, invalidJson } = values;
  const { maxMessageSize, maxStreamSize, maxFragments, highWaterMark, maxSendQueue, sendQueuePolicy } = values;
  return {
    role: "client",
    decode: decoderOf(values),
    ignoresInvalidJson: invalidJson === "ignore",
    autoResponse: undefined,
    maxMessageSize,
    maxStreamSize,
    maxFragments,
    highWaterMark,
    maxSendQueue,
    sendQueuePolicy,
    closeTimeout,
    compression,
    maxMessagesPerSecond: Infinity,
    maxBytesPerSecond: Infinity,
    ratePolicy: "pause",
    maxTotalReceiveQueue: shareOfMemory(),
    maxTotalSendQueue: shareOfMemory(),
    keepalive: toTicks({ pingInterval, pingTimeout, idleTimeout: Infinity, maxLifetime: Infinity }),
    limitCounters: zeroCounters(connectionLimitNames),
    taskCounters: { unfinished: 0 },
  };
}

function decoderOf(
  values: Pick<SharedValues, "dataType" | "maxJsonDepth" | "maxJsonValues">,
): ConnectionSettings["decode"] {
  const dataType: DataType = values.dataType;
  return dataType === "object" ? objectDecoder(values) : decoders[dataType];
}

/** Headers that are given at once are checked and kept as pairs: an iterator gives them only once. */
function readHeaders(value: unknown): ClientOptions["headers"] {
  if (value === undefined || typeof value === "function") return value as ClientOptions["headers"];
  const list = headerList(value);
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? ""] as const] : []));
}

function readOrigin(value: unknown, name: string): string | undefined {
  const origin = optionalText(value, name);
  if (origin !== undefined) headerList({ origin });
  return origin;
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new InvalidArgumentError(`${name}: expected a string, got ${describe(value)}`);
}

function readTls(value: unknown): ConnectionOptions | undefined {
  if (value === undefined || (typeof value === "object" && value !== null)) return value;
  throw new InvalidArgumentError(`tls: expected an object, got ${describe(value)}`);
}

function readProxyOption(value: unknown): ClientOptions["proxy"] {
  if (value === undefined || value === null) return value;
  if (typeof value === "function") return value as ClientOptions["proxy"];
  if (typeof value === "string" || value instanceof URL) return readProxy(value);
  throw new InvalidArgumentError(`proxy: expected a URL, null or a function, got ${describe(value)}`);
}

function readHttp2(value: unknown): NonNullable<ClientOptions["http2"]> {
  if (value === undefined) return false;
  if (typeof value === "boolean" || typeof value === "function") return value as NonNullable<ClientOptions["http2"]>;
  const more = isSession(value) ? ": write http2: () => session" : `, got ${describe(value)}`;
  throw new InvalidArgumentError(`http2: expected true, false or a function${more}`);
}

function readFunction(value: unknown, name: string): ClientOptions["createConnection"] {
  if (value === undefined || typeof value === "function") return value as ClientOptions["createConnection"];
  throw new InvalidArgumentError(`${name}: expected a function, got ${describe(value)}`);
}
