import type { RequestListener } from "node:http";
import { Server as NetServer } from "node:net";

import type { Backplane } from "../backplane/contract.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { addressRule, type TrustProxy } from "../handshake/forwarded-address.ts";
import { isToken } from "../handshake/rules/tokens.ts";
import { originRule } from "../handshake/rules/origin.ts";
import { type Range, readNumber } from "../util/number-range.ts";
import { type Reader, oneOf, readTable } from "../util/option-table.ts";
import { readCompression } from "../compression/options.ts";
import { readHistory } from "../topics/history-rules.ts";
import { describe } from "../util/describe.ts";
import { readAutoResponse } from "./auto-response-option.ts";
import { readListen } from "./listen-options.ts";
import { type PathFunction, type PathRule, pathRule } from "./path-rule.ts";
import type { WebServer } from "./web-server.ts";
import { numberOptions } from "./number-options.ts";
import type { WebSocketServerOptions } from "./options.ts";

const PORT: Range = { min: 0, default: 0, max: 65_535, allowsInfinity: false };

/** All options, each with its check: a range for a number, a function for the others. */
const optionTable = {
  ...numberOptions,
  path: readPath,
  dataType: oneOf(["text", "blob", "object", "auto"], "text"),
  server: readServer,
  port: optionalNumber(PORT),
  host: readHost,
  listen: readListen,
  requestListener: readRequestListener,
  tls: readTls,
  http2: readHttp2,
  origins: originRule,
  protocols: readProtocols,
  trustProxy: (value: unknown) => addressRule(value as TrustProxy | undefined),
  invalidJson: oneOf(["close", "ignore"], "close"),
  autoResponse: readAutoResponse,
  sendQueuePolicy: oneOf(["terminate", "drop-newest", "drop-oldest", "latest"], "terminate"),
  compression: readCompression,
  history: readHistory,
  backplane: readBackplane,
  ratePolicy: oneOf(["pause", "close"], "pause"),
} satisfies { readonly [N in keyof WebSocketServerOptions]-?: Range | Reader<unknown> };

type OptionTable = typeof optionTable;

/** The values of all options, with their defaults filled in. */
export type OptionValues = {
  readonly [N in keyof OptionTable]: OptionTable[N] extends Reader<infer V> ? V : number;
};

/**
 * Checks all options one by one, and fills in their defaults.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readOptionTable(options: object): OptionValues {
  return readTable(optionTable, options, ALIASES);
}

/** Whether there is an option of this name. */
export function isOptionName(name: string): boolean {
  return Object.hasOwn(optionTable, name);
}

/** What other libraries call an option. */
const ALIASES: Readonly<Record<string, string>> = {
  maxPayload: "maxMessageSize",
  perMessageDeflate: "compression",
  hostname: "host",
};

function optionalNumber(range: Range): Reader<number | undefined> {
  return (value, name) => (value === undefined ? undefined : readNumber(name, value, range));
}

function readPath(path: unknown): PathRule | undefined {
  if (path === undefined) return undefined;
  if (typeof path === "function") return pathRule(path as PathFunction);
  if (typeof path === "string" && /^\/[!-~]*$/.test(path) && !/[?#]/.test(path)) return pathRule(path);
  // A request has only such characters in its target (RFC 9112 3.2), so the path would never be asked for.
  if (typeof path === "string" && /[^ -~]/.test(path))
    throw new InvalidArgumentError(
      `path: expected ASCII characters, e.g. ${JSON.stringify(new URL(path, "http://x").pathname)}`,
    );
  throw new InvalidArgumentError(
    `path: expected a function, or a string that begins with "/" and has no "?" or "#", got ${typeof path === "string" ? JSON.stringify(path) : describe(path)}`,
  );
}

function readServer(server: unknown): WebServer | undefined {
  // Servers of TCP and TLS read no requests. Those of HTTP have `setTimeout`.
  if (server instanceof NetServer && typeof (server as { setTimeout?: unknown }).setTimeout !== "function")
    throw new InvalidArgumentError(
      "server: expected an http.Server, an https.Server or a server of http2, got a net.Server or tls.Server",
    );
  if (server === undefined || isWebServer(server)) return server;
  throw new InvalidArgumentError(
    "server: expected an http.Server, an https.Server or a server of http2 (of Express: what app.listen() returns)",
  );
}

/** A framework's app has `on` too, but it does not accept connections itself. */
function isWebServer(server: unknown): server is WebServer {
  const { on, address, listening } = (server ?? {}) as Partial<Record<keyof WebServer, unknown>>;
  return typeof on === "function" && typeof address === "function" && typeof listening === "boolean";
}

function readProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined) return [];
  const isList = Array.isArray(protocols) && protocols.every((one) => typeof one === "string" && isToken(one));
  if (isList) return [...(protocols as readonly string[])];
  throw new InvalidArgumentError('protocols: expected a list of subprotocols like ["mqtt"]');
}

function readHost(host: unknown): string | undefined {
  if (host === undefined || typeof host === "string") return host;
  throw new InvalidArgumentError("host: expected a string");
}

function readBackplane(backplane: unknown): Backplane | undefined {
  const { createDriver } = (backplane ?? {}) as Partial<Backplane>;
  if (backplane === undefined || typeof createDriver === "function") return backplane as Backplane | undefined;
  throw new InvalidArgumentError(`backplane: expected memory() or redis(client), got ${describe(backplane)}`);
}

function readRequestListener(listener: unknown): RequestListener | undefined {
  if (listener === undefined || typeof listener === "function") return listener as RequestListener | undefined;
  throw new InvalidArgumentError(`requestListener: expected a function (request, response), got ${describe(listener)}`);
}

function readHttp2(http2: unknown): boolean | undefined {
  if (http2 === undefined || typeof http2 === "boolean") return http2;
  throw new InvalidArgumentError(`http2: expected true or false, got ${describe(http2)}`);
}

function readTls(tls: unknown): WebSocketServerOptions["tls"] {
  if (tls === undefined || (typeof tls === "object" && tls !== null)) return tls;
  throw new InvalidArgumentError("tls: expected an object with key and cert");
}
