import type { SecureContextOptions, TlsOptions } from "node:tls";

import { newLimitCounters } from "../connection/counters/limit-counters.ts";
import type { KeepaliveSettings } from "../connection/keepalive/settings.ts";
import { type DataType, decoders, objectDecoder } from "../connection/receiving/decode.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { addressRule } from "../handshake/forwarded-address.ts";
import type { HandshakeRules } from "../handshake/http1.ts";
import { originRule } from "../handshake/rules/origin.ts";
import type { WebServer } from "./attachable-server.ts";
import type { ShutdownSettings } from "./graceful-shutdown.ts";
import type { ConnectionLimits } from "./connection-limiter.ts";
import { type NumberOptions, numberOptions, readNumber, readNumberOptions } from "./number-options.ts";
import type { WebSocketServerOptions } from "./options.ts";

/** Options that were checked, with their defaults filled in. */
export interface Settings extends ConnectionSettings, HandshakeRules, ConnectionLimits, ShutdownSettings {
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
const names: ReadonlySet<string> = new Set([
  ...Object.keys(numberOptions),
  ...["path", "dataType", "server", "port", "host", "tls", "origins", "invalidJson"],
  ...["sendQueuePolicy", "ratePolicy", "trustProxy"],
]);

const POLICIES = ["terminate", "drop-newest", "drop-oldest", "latest"] as const;

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
  const read = readNumberOptions(options);
  return {
    ...readPlace(options),
    ...read,
    role: "server",
    dataType,
    decode: dataType === "object" ? objectDecoder(read) : decoders[dataType],
    originRule: originRule(options.origins),
    addressRule: addressRule(options.trustProxy),
    forwarded: options.trustProxy !== undefined && options.trustProxy !== 0,
    keepOnInvalidJson: oneOf(options, "invalidJson", ["close", "keep"], "close") === "keep",
    sendQueuePolicy: oneOf(options, "sendQueuePolicy", POLICIES, "terminate"),
    ratePolicy: oneOf(options, "ratePolicy", ["pause", "close"], "pause"),
    life: lifeOf(read),
    limitCounters: newLimitCounters(),
  };
}

/** A tick is so much shorter than the shortest time that is to be kept, so that it is kept to a twentieth. */
const TICKS_A_TIME = 20;
/** Milliseconds of a tick: the shortest that is worth a timer, and the longest that is exact enough. */
const TICK = { least: 5, most: 1_000 } as const;

function lifeOf({ pingInterval, pingTimeout, idleTimeout, maxLifetime }: NumberOptions): KeepaliveSettings {
  const times = {
    pingInterval,
    pingTimeout: pingInterval === Infinity ? Infinity : pingTimeout,
    idleTimeout,
    maxLifetime,
  };
  const shortest = Math.min(...Object.values(times));
  const tick =
    shortest === Infinity ? Infinity : Math.min(TICK.most, Math.max(TICK.least, Math.floor(shortest / TICKS_A_TIME)));
  const ticks = (ms: number): number => (ms === Infinity ? Infinity : Math.ceil(ms / tick));
  return {
    tick,
    pingInterval: ticks(times.pingInterval),
    pingTimeout: ticks(times.pingTimeout),
    idleTimeout: ticks(times.idleTimeout),
    maxLifetime: ticks(times.maxLifetime),
  };
}

const PORT = { least: 0, usual: 0, most: 65_535, endless: false } as const;

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
  const port = options.port === undefined ? undefined : readNumber("port", options.port, PORT);
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
