import { constants } from "node:buffer";
import type { SecureContextOptions, TlsOptions } from "node:tls";

import type { ConnectionSettings } from "../connection/settings.ts";
import { type DataType, decoders } from "../connection/receiving/decode.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import type { HandshakeRules } from "../handshake/http1.ts";
import { type Origins, originRule } from "../handshake/origin.ts";
import { DEFAULT_MAX_MESSAGE_SIZE } from "../protocol/limits.ts";
import type { WebServer } from "./attachable.ts";

/** Options of a `WebSocketServer`: times in milliseconds, sizes in bytes. */
export interface WebSocketServerOptions<T extends DataType = DataType> {
  /** The path that reaches this server, e.g. `"/chat"`. Default: every WebSocket request. */
  readonly path?: string | undefined;
  /** What `onMessage` is handed. Default `"text"`. */
  readonly dataType?: T | undefined;
  /** A web server of yours to attach to: its host, port and TLS are used, and it stays yours to close. */
  readonly server?: WebServer | undefined;
  /** Listens on this port with a web server of its own; 0: any free one, which `wss.address()` tells. */
  readonly port?: number | undefined;
  /** The address its own web server listens on. Default: all. */
  readonly host?: string | undefined;
  /** Certificate and key for its own web server, which then speaks `wss:` only. */
  readonly tls?: (SecureContextOptions & TlsOptions) | undefined;
  /** Which browsers may connect. Default: pages of this host. */
  readonly origins?: Origins | undefined;
  /** Bytes a message may have, over all its fragments. Default 1 MiB, at most what a string can hold (512 MiB). Above it: close 1009. */
  readonly maxMessageSize?: number | undefined;
  /** Milliseconds that a client has for its request, and `onConnection` for its answer. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** Milliseconds that a peer has to answer a close frame and to close its side. Default 5,000. */
  readonly closeTimeout?: number | undefined;
  /** Bytes that may wait for one slow peer. Default 16 MiB. Above it: close 1013. */
  readonly maxSendQueue?: number | undefined;
  /** Bytes that may wait for one peer before `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /** Bytes that a request's target and headers may have together. Default 16 KiB. Above it: HTTP 431. */
  readonly maxHeaderSize?: number | undefined;
  /** Bytes that one frame carries at most; a longer message is sent in fragments (RFC 6455 5.4). Default: no limit. */
  readonly fragmentSize?: number | undefined;
  /** Under `dataType: "object"`, what a message that is not JSON does. `"close"` (default): close 1007. `"keep"`: the message is dropped and the server's `onError` told. */
  readonly invalidJson?: "close" | "keep" | undefined;
}

/** A request line and headers have this many bytes at most: what Node itself allows by default. */
const DEFAULT_MAX_HEADER_SIZE = 16 * 1024;
/** Long enough for a slow network and a look into a database, short enough to free what a dead client holds. */
const DEFAULT_HANDSHAKE_TIMEOUT = 10_000;
/** A close frame's way there and back on the slowest network. */
const DEFAULT_CLOSE_TIMEOUT = 5_000;
/** A thousand peers that never read hold 16 GiB at most; one that reads never gets near it. */
const DEFAULT_MAX_SEND_QUEUE = 16 * 1024 * 1024;
/** One message of the default limit. */
const DEFAULT_HIGH_WATER_MARK = 1024 * 1024;
/** What Node's timers can wait for. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Options that were checked, with their defaults filled in. */
export interface Settings extends ConnectionSettings, HandshakeRules {
  /** The path that reaches the server; undefined: every path. */
  readonly path: string | undefined;
  /** What `onMessage` is handed. */
  readonly dataType: DataType;
  /** The user's web server. */
  readonly server: WebServer | undefined;
  /** The port of an own web server. */
  readonly port: number | undefined;
  /** The address of an own web server. */
  readonly host: string | undefined;
  /** Certificate and key of an own web server. */
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
  /** Milliseconds for a request and its answer. */
  readonly handshakeTimeout: number;
}

/** The options by name, to tell a misspelt one. */
const names: ReadonlySet<string> = new Set<keyof WebSocketServerOptions>([
  ...["path", "dataType", "server", "port", "host", "tls", "origins", "invalidJson"],
  ...[
    "maxMessageSize",
    "handshakeTimeout",
    "closeTimeout",
    "maxSendQueue",
    "highWaterMark",
    "maxHeaderSize",
    "fragmentSize",
  ],
] as (keyof WebSocketServerOptions)[]);

/**
 * Checks options and fills in what is not given.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readOptions(options: WebSocketServerOptions): Settings {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("options: expected an object");
  for (const name of Object.keys(options))
    if (!names.has(name)) throw new InvalidArgumentError(`options: there is no option ${JSON.stringify(name)}`);
  const dataType = oneOf(options, "dataType", ["text", "blob", "object", "auto"], "text");
  return {
    ...readPlace(options),
    dataType,
    decode: decoders[dataType],
    originRule: originRule(options.origins),
    keepOnInvalidJson: oneOf(options, "invalidJson", ["close", "keep"], "close") === "keep",
    maxMessageSize: integer(options, "maxMessageSize", 1, DEFAULT_MAX_MESSAGE_SIZE, constants.MAX_STRING_LENGTH),
    handshakeTimeout: integer(options, "handshakeTimeout", 1, DEFAULT_HANDSHAKE_TIMEOUT, MAX_TIMEOUT),
    closeTimeout: integer(options, "closeTimeout", 1, DEFAULT_CLOSE_TIMEOUT, MAX_TIMEOUT),
    maxSendQueue: integer(options, "maxSendQueue", 1, DEFAULT_MAX_SEND_QUEUE),
    highWaterMark: integer(options, "highWaterMark", 0, DEFAULT_HIGH_WATER_MARK),
    maxHeaderSize: integer(options, "maxHeaderSize", 1, DEFAULT_MAX_HEADER_SIZE),
    fragmentSize: options.fragmentSize === undefined ? Infinity : integer(options, "fragmentSize", 1, 1),
  };
}

/** Where the server is found: the options of which some exclude others. */
function readPlace(options: WebSocketServerOptions): Pick<Settings, "path" | "server" | "port" | "host" | "tls"> {
  const { path, server, host, tls } = options;
  if (path !== undefined && (typeof path !== "string" || !path.startsWith("/") || /[?#\s]/.test(path))) {
    throw new InvalidArgumentError(
      `path: expected a string that begins with "/" and has no "?" or "#", got ${JSON.stringify(path)}`,
    );
  }
  if (server !== undefined && !isWebServer(server)) {
    throw new InvalidArgumentError(
      "server: expected an http.Server or https.Server (of Express: what app.listen() returns)",
    );
  }
  if (host !== undefined && typeof host !== "string") throw new InvalidArgumentError("host: expected a string");
  if (tls !== undefined && (typeof tls !== "object" || (tls as unknown) === null))
    throw new InvalidArgumentError("tls: expected an object with key and cert");
  const port = options.port === undefined ? undefined : integer(options, "port", 0, 0, 65_535);
  if (server !== undefined && port !== undefined) throw new InvalidArgumentError("port: not together with server");
  if (port === undefined && (host !== undefined || tls !== undefined))
    throw new InvalidArgumentError(`${host === undefined ? "tls" : "host"}: only together with port`);
  return { path, server, port, host, tls };
}

/** A framework's app has `on` too, but nobody connects to it. */
function isWebServer(server: unknown): boolean {
  const { on, address, listening } = (server ?? {}) as Partial<Record<keyof WebServer, unknown>>;
  return typeof on === "function" && typeof address === "function" && typeof listening === "boolean";
}

function oneOf<const V extends string>(
  options: WebSocketServerOptions,
  name: keyof WebSocketServerOptions,
  values: readonly V[],
  fallback: V,
): V {
  const value: unknown = options[name];
  if (value === undefined) return fallback;
  if ((values as readonly unknown[]).includes(value)) return value as V;
  throw new InvalidArgumentError(
    `${name}: expected one of ${values.map((known) => `"${known}"`).join(", ")}, got ${JSON.stringify(value)}`,
  );
}

function integer(
  options: WebSocketServerOptions,
  name: keyof WebSocketServerOptions,
  least: number,
  fallback: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value: unknown = options[name];
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw new InvalidArgumentError(`${name}: expected a number, got ${typeof value}`);
  // Infinity takes a size limit away; a time needs an end.
  if (value === Infinity && most === Number.MAX_SAFE_INTEGER) return value;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new OutOfRangeError(
    `${name}: expected an integer from ${String(least)} to ${String(most)}, got ${String(value)}`,
  );
}
