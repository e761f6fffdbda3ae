import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  connect,
} from "node:http2";
import type { Duplex } from "node:stream";

import { joinWhatWaits } from "../../handshake/http2-joined-chunks.ts";
import { Http2Code } from "../../handshake/http2-stream.ts";
import type { ConnectError } from "../connect-error.ts";
import { tooLarge } from "./http-exchange.ts";
import { learnSettings, stageOf } from "./http2-settings.ts";
import { connectError, whenReady } from "./sockets.ts";
import { discard, ignore, ignoreErrors } from "./streams.ts";

/** A request for a WebSocket on a session of HTTP/2. */
export interface Http2Exchange {
  /** "https" or "http". */
  readonly scheme: "https" | "http";
  /** The request's target. */
  readonly path: string;
  /** All headers: names and values in turn. `Host` is among them. */
  readonly headers: readonly string[];
  /** Bytes that the answer may have. */
  readonly maxHeaderSize: number;
}

/** The answer of a server, and the stream it came on. */
export interface Http2Answer {
  /** The stream. It carries frames if the status is one of 2xx. */
  readonly stream: ClientHttp2Stream;
  /** The HTTP status. */
  readonly status: number;
  /** Names and values in turn, without the status. */
  readonly rawHeaders: readonly string[];
}

/** Bytes that a server may send before they are read. Each session has one WebSocket, so the two windows are the same. */
const WINDOW = 1024 * 1024;

/** Milliseconds that a server has to end its side of a session that is closed. */
const LINGER = 1000;

/** Origins that a server may name on a session of ours. */
const MAX_ORIGINS = 1000;

/** Begins a session over a stream that has chosen HTTP/2. `endSession` ends it. */
export function beginSession(stream: Duplex, authority: string, maxHeaderSize: number): ClientHttp2Session {
  // A URL of `wss+unix:` has no host.
  const session = connect(`https://${authority === "" ? "localhost" : authority}`, {
    createConnection: () => stream,
    settings: { enablePush: false, initialWindowSize: WINDOW, maxHeaderListSize: maxHeaderSize },
  });
  // Its streams fail, or the wait for its settings does.
  session.on("error", ignore);
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW);
  });
  limitOrigins(session);
  return session;
}

/** Node keeps all origins that a server names (RFC 8336), and no WebSocket needs them. */
function limitOrigins(session: ClientHttp2Session): void {
  let named = 0;
  session.on("origin", (origins) => {
    named += origins.length;
    if (named > MAX_ORIGINS)
      session.destroy(new Error(`The server has named more than ${String(MAX_ORIGINS)} origins`));
  });
}

/** Ends a session, and its stream soon after: the server may be gone, and Node would wait for it. */
export function endSession(session: ClientHttp2Session, stream: Duplex): void {
  session.close();
  const timer = setTimeout(() => {
    discard(stream);
  }, LINGER).unref();
  stream.once("close", () => {
    clearTimeout(timer);
  });
}

/**
 * Sends an extended CONNECT (RFC 8441 5), and waits for the answer. Returns undefined if the server has no WebSockets over HTTP/2
 * (RFC 8441 3), or wants HTTP/1.1 for this one (RFC 9113 7). Rejects with a `ConnectError`.
 */
export async function exchangeHttp2(
  session: ClientHttp2Session,
  request: Http2Exchange,
  signal: AbortSignal,
): Promise<Http2Answer | undefined> {
  await learnSettings(session, signal);
  if (!session.remoteSettings.enableConnectProtocol) return undefined;
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(requestHeaders(request));
  } catch (cause) {
    // A header that HTTP/2 does not have, or a session that has been closed meanwhile.
    throw connectError(cause, stageOf(cause));
  }
  ignoreErrors(stream);
  // Frames may come with the answer.
  joinWhatWaits(stream);
  try {
    return await answerTo(stream, request.maxHeaderSize, signal);
  } catch (error) {
    if (stream.rstCode === Http2Code.http11Required) return undefined;
    throw error;
  }
}

/** Errors of a stream after which another one may succeed: the server did nothing with it, or has gone (RFC 9113 8.7). */
const RETRIED: readonly number[] = [Http2Code.noError, Http2Code.refusedStream, Http2Code.cancel];

async function answerTo(stream: ClientHttp2Stream, maxHeaderSize: number, signal: AbortSignal): Promise<Http2Answer> {
  const toError = (cause: Error): ConnectError =>
    connectError(cause, RETRIED.includes(stream.rstCode) ? "tcp" : stageOf(cause));
  let informed = 0;
  stream.on("headers", (_headers: object, _flags: number, more: readonly string[]) => {
    informed += sizeOf(more);
    if (informed > maxHeaderSize) stream.destroy(tooLarge());
  });
  const [headers, , received] = await whenReady<
    [headers: IncomingHttpStatusHeader, flags: number, received: readonly string[]]
  >(stream, "response", signal, toError);
  const rawHeaders = received.slice();
  const at = rawHeaders.indexOf(":status");
  if (at >= 0) rawHeaders.splice(at, 2);
  if (informed + sizeOf(rawHeaders) > maxHeaderSize) {
    discard(stream);
    throw tooLarge();
  }
  return { stream, status: headers[":status"] ?? 0, rawHeaders };
}

/** Bytes as over HTTP/1.1: names and values, `: ` and line ends. */
function sizeOf(rawHeaders: readonly string[]): number {
  return rawHeaders.join("....").length;
}

/** The headers as Node wants them: names in lower case, several values as a list, `Host` as `:authority`. */
function requestHeaders({ scheme, path, headers }: Http2Exchange): OutgoingHttpHeaders {
  const all: Record<string, string[]> = {};
  for (let i = 0; i + 1 < headers.length; i += 2)
    (all[(headers[i] ?? "").toLowerCase()] ??= []).push(headers[i + 1] ?? "");
  const { host, ...others } = all;
  return {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": scheme,
    ":path": path,
    ":authority": host?.[0] ?? "",
    ...Object.fromEntries(
      Object.entries(others).map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? "")]),
    ),
  };
}
