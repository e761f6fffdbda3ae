import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { describe } from "../../util/describe.ts";
import { ConnectError } from "../connect-error.ts";
import { connectExchange } from "./connect-exchange.ts";
import { headersOf, isSwitched, shown } from "./http-exchange.ts";
import { basicAuthorization, hostOf, portOf } from "./proxy-environment.ts";
import { openSocket, openTls } from "./sockets.ts";
import { destroyOnFailure } from "./streams.ts";

/** Where the tunnel ends. */
export interface TunnelTarget {
  /** The server's host. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
}

/**
 * Checks the URL of a proxy.
 *
 * @throws {InvalidArgumentError} for another kind than an HTTP proxy
 */
export function readProxy(given: string | URL): URL {
  const url = typeof given === "string" ? parse(given) : given;
  if (!(url instanceof URL))
    throw new InvalidArgumentError(`proxy: expected a URL, null or undefined, got ${describe(given)}`);
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new InvalidArgumentError(
    `proxy: expected http: or https:, got ${url.protocol} Use createConnection for other kinds, e.g. SOCKS`,
  );
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // It may have a password: it is not shown.
    throw new InvalidArgumentError("proxy: expected a URL like http://host:3128");
  }
}

/** Connects to a server through an HTTP proxy (CONNECT, RFC 9110 9.3.6). Rejects with a `ConnectError`. */
export async function openTunnel(
  proxy: URL,
  target: TunnelTarget,
  maxHeaderSize: number,
  signal: AbortSignal,
): Promise<Duplex> {
  return askProxy(await openProxy(proxy, signal), { ...target, proxy }, maxHeaderSize, signal);
}

/** Asks a proxy, to which a stream is connected, for a tunnel. Rejects with a `ConnectError`, and the stream is destroyed then. */
export function askProxy(
  stream: Duplex,
  target: TunnelTarget & { readonly proxy: URL },
  maxHeaderSize: number,
  signal: AbortSignal,
): Promise<Duplex> {
  return destroyOnFailure(stream, () => tunnelOver(stream, target, maxHeaderSize, signal));
}

async function tunnelOver(
  stream: Duplex,
  { host, port, proxy }: TunnelTarget & { readonly proxy: URL },
  maxHeaderSize: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const answer = await connectExchange(
    stream,
    { path: authority, headers: ["Host", authority, ...authorization(proxy)], maxHeaderSize },
    signal,
  ).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw proxyError(cause instanceof Error ? cause.message : undefined, { cause });
  });
  const { statusCode: status = 0, statusMessage = "" } = answer.response;
  if (!isSwitched(answer) || status < 200 || status > 299)
    throw proxyError(`${status} ${shown(statusMessage)}`, { status, headers: headersOf(answer.response) });
  // Nobody but the proxy can have sent them: the server has not got a byte yet.
  if (answer.head.length > 0) throw proxyError("bytes came with the answer to CONNECT", {});
  return answer.stream;
}

async function openProxy(proxy: URL, signal: AbortSignal): Promise<Duplex> {
  const host = hostOf(proxy);
  try {
    const socket = await openSocket({ host, port: portOf(proxy) }, signal);
    return proxy.protocol === "https:"
      ? await openTls(socket, { host, options: undefined, session: undefined }, signal)
      : socket;
  } catch (cause) {
    throw signal.aborted ? cause : proxyError(cause instanceof Error ? cause.message : undefined, { cause });
  }
}

/** The proxy alone gets them, never the server. */
function authorization(proxy: URL): string[] {
  const credentials = basicAuthorization(proxy);
  return credentials === undefined ? [] : ["Proxy-Authorization", credentials];
}

function proxyError(
  detail: string | undefined,
  more: { cause?: unknown; status?: number; headers?: Headers },
): ConnectError {
  return new ConnectError("HWS_PROXY_FAILED", detail, { stage: "proxy", ...more });
}
