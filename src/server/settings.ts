import { IncomingMessage, type RequestListener } from "node:http";
import type { SecureContextOptions, TlsOptions } from "node:tls";

import { type LimitCounters, newLimitCounters } from "./limit-counters.ts";
import { toTicks } from "../connection/keepalive/ticks.ts";
import { type DataType, decoders, objectDecoder } from "../connection/receiving/decode.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import type { HandshakeRules } from "../handshake/offered.ts";
import type { WebServer } from "./web-server.ts";
import type { ConnectionLimits } from "./connection-limiter.ts";
import { type ListenOptions, listenAddress } from "./listen-options.ts";
import type { TopicSettings } from "./topic-settings.ts";
import type { ShutdownSettings } from "./graceful-shutdown.ts";
import type { PathRule } from "./path-rule.ts";
import { type OptionValues, readOptionTable } from "./option-table.ts";
import type { WebSocketServerOptions } from "./options.ts";

/** Checked options, with their defaults filled in. */
export interface Settings
  extends ConnectionSettings, HandshakeRules, ConnectionLimits, ShutdownSettings, TopicSettings {
  /** The paths that reach the server; undefined: every path. */
  readonly path: PathRule | undefined;
  /** The type of `event.data` in `onMessage`. */
  readonly dataType: DataType;
  /** The subprotocols, in the order in which they are preferred. */
  readonly protocols: readonly string[];
  /** The user's web server. */
  readonly server: WebServer | undefined;
  /** Where the library's own web server listens; undefined: there is none. */
  readonly listen: ListenOptions | undefined;
  /** Answers the plain requests of the library's own web server. */
  readonly requestListener: RequestListener | undefined;
  /** The certificate and key of the library's own web server. */
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
  /** Whether the library's own web server speaks HTTP/2 too. */
  readonly http2: boolean;
  /** Counts how often each limit was reached. */
  readonly limitCounters: LimitCounters;
  /** Milliseconds for a request and its answer. */
  readonly handshakeTimeout: number;
}

/**
 * Checks options, and fills in their defaults.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readOptions(options: WebSocketServerOptions): Settings {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("options: expected an object");
  const { origins, trustProxy, invalidJson, port, host, ...values } = readOptionTable(options);
  const listen = listenAddress(port, host, values.listen);
  checkListening({ ...values, listen, host }, options);
  if (invalidJson === "ignore" && values.dataType !== "object")
    throw new InvalidArgumentError(
      `invalidJson: "ignore" is only for dataType: "object": dataType is "${values.dataType}"`,
    );
  if (values.http2 === true && isOfHttp1(values.requestListener))
    throw new InvalidArgumentError(
      "http2: not with this requestListener: Express knows HTTP/1.1 only, and the first request over HTTP/2 would end the process",
    );
  return {
    ...values,
    listen,
    // A listener that knows HTTP/1.1 only would get requests of HTTP/2.
    http2: values.tls !== undefined && (values.http2 ?? values.requestListener === undefined),
    role: "server",
    decode: values.dataType === "object" ? objectDecoder(values) : decoders[values.dataType],
    originRule: origins,
    addressRule: trustProxy,
    ignoresInvalidJson: invalidJson === "ignore",
    keepalive: toTicks(values),
    limitCounters: newLimitCounters(),
    taskCounters: { unfinished: 0 },
  };
}

/** Options that only the library's own web server has. */
const OWN = ["host", "tls", "requestListener"] as const;

/** Checks the options about where the server listens: some exclude others. */
function checkListening(
  values: Pick<OptionValues, "server" | "listen" | "http2" | (typeof OWN)[number]>,
  given: object,
): void {
  const { server, listen, tls } = values;
  if (server !== undefined && listen !== undefined) {
    const name = (given as WebSocketServerOptions).listen === undefined ? "port" : "listen";
    throw new InvalidArgumentError(`${name}: not together with server`);
  }
  const unused = listen === undefined ? OWN.find((name) => values[name] !== undefined) : undefined;
  if (unused !== undefined)
    throw new InvalidArgumentError(`${unused}: only together with port or listen${reasonFor(unused)}`);
  // A value of the configuration that is not set: nothing would listen.
  const unset = (["port", "listen", "server"] as const).find((name) => Object.hasOwn(given, name));
  if (server === undefined && listen === undefined && unset !== undefined)
    throw new InvalidArgumentError(`${unset}: expected a value, got undefined. Leave it out to use handleUpgrade only`);
  if (values.http2 === true && tls === undefined)
    throw new InvalidArgumentError("http2: only together with tls. A web server of yours may be one of http2");
  if (tls !== undefined && !hasCertificate(tls))
    throw new InvalidArgumentError("tls: expected a certificate and its key, e.g. cert and key, or pfx");
}

function reasonFor(name: (typeof OWN)[number]): string {
  return name === "requestListener" ? ". A web server of yours has a listener of its own" : "";
}

/** Whether clients can get a certificate. Without one, or another way, each TLS handshake would fail. */
function hasCertificate(tls: NonNullable<OptionValues["tls"]>): boolean {
  const { cert, key, privateKeyIdentifier, pfx, SNICallback, pskCallback, ciphers } = tls;
  // Ciphers may be of a kind that needs none.
  if ([pfx, SNICallback, pskCallback, ciphers].some(isGiven)) return true;
  return isGiven(cert) && (isGiven(key) || isGiven(privateKeyIdentifier));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** Whether a listener gives each request a prototype of HTTP/1.1, as an Express app does. */
function isOfHttp1(listener: unknown): boolean {
  return (listener as { readonly request?: unknown } | undefined)?.request instanceof IncomingMessage;
}
