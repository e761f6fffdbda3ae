import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  connect,
} from "node:http2";
import type { Duplex } from "node:stream";

import { Http2Code } from "../../handshake/http2-stream.ts";
import { ConnectError } from "../connect-error.ts";
import type { DialStage } from "../verdict.ts";
import { tooLarge } from "./http-exchange.ts";
import { connectError, isOfNetwork } from "./sockets.ts";
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
    session.setLocalWindowSize(WINDOW);
  });
  return session;
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

/** Sends an extended CONNECT (RFC 8441 5), and waits for the answer. Rejects with a `ConnectError`. */
export async function exchangeHttp2(
  session: ClientHttp2Session,
  request: Http2Exchange,
  signal: AbortSignal,
): Promise<Http2Answer> {
  if (session.closed || session.destroyed) throw connectError(closedError(), "tcp");
  await unlessAborted(settingsOf(session), signal);
  if (!session.remoteSettings.enableConnectProtocol)
    throw new ConnectError("HWS_BAD_HANDSHAKE", "the server has no WebSockets over HTTP/2", { stage: "handshake" });
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(requestHeaders(request));
  } catch (cause) {
    // A header that HTTP/2 does not have, or a session that has been closed meanwhile.
    throw connectError(cause, stageOf(cause));
  }
  ignoreErrors(stream);
  return await answerTo(stream, request.maxHeaderSize, signal);
}

/** The waits for the settings of sessions: all dials on one share it. */
const waits = new WeakMap<ClientHttp2Session, Promise<void>>();

function settingsOf(session: ClientHttp2Session): Promise<void> {
  let wait = waits.get(session);
  if (wait === undefined) waits.set(session, (wait = waitForSettings(session)));
  return wait;
}

/** Waits for the settings of a server: it sends them first (RFC 9113 3.4), so an answer to a ping comes after them. */
function waitForSettings(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      session.off("remoteSettings", onReady).off("error", fail).off("close", onClose);
    };
    const onReady = (): void => {
      stop();
      resolve();
    };
    const fail = (cause: unknown): void => {
      stop();
      waits.delete(session);
      reject(connectError(cause, stageOf(cause)));
    };
    const onClose = (): void => fail(closedError());
    session.on("remoteSettings", onReady).on("error", fail).on("close", onClose);
    const ping = (): void => {
      session.ping((error) => {
        if (error === null) onReady();
        else fail(error);
      });
    };
    if (session.remoteSettings.enableConnectProtocol === true) onReady();
    else if (session.connecting) session.once("connect", ping);
    else ping();
  });
}

/** Settles as a promise does, or rejects when the dial is given up before. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(connectError(signal.reason, "http"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", onAbort);
    });
  });
}

/** Errors of a stream after which another one may succeed: the server did nothing with it, or has gone (RFC 9113 8.7). */
const RETRIED: readonly number[] = [Http2Code.noError, Http2Code.refusedStream, Http2Code.cancel];

/** A session that has ended is the network's or the server's, as a TCP connection that is reset; anything else is the protocol's. */
function stageOf(cause: unknown): DialStage {
  const { code } = cause as NodeJS.ErrnoException;
  const hasEnded = code === undefined || /^ERR_HTTP2_(?:GOAWAY|INVALID)_SESSION$|^ERR_HTTP2_SESSION_ERROR$/.test(code);
  return hasEnded || isOfNetwork(cause as Error) ? "tcp" : "http";
}

function answerTo(stream: ClientHttp2Stream, maxHeaderSize: number, signal: AbortSignal): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off("response", onResponse).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (error: ConnectError): void => {
      stop();
      discard(stream);
      reject(error);
    };
    const onResponse = (headers: IncomingHttpStatusHeader, _flags: number, received: readonly string[]): void => {
      const rawHeaders = received.slice();
      const at = rawHeaders.indexOf(":status");
      if (at >= 0) rawHeaders.splice(at, 2);
      if (rawHeaders.join("....").length > maxHeaderSize) return fail(tooLarge());
      stop();
      resolve({ stream, status: headers[":status"] ?? 0, rawHeaders });
    };
    const onClose = (): void => {
      const cause = stream.errored ?? closedError();
      fail(connectError(cause, RETRIED.includes(stream.rstCode) ? "tcp" : stageOf(cause)));
    };
    const onAbort = (): void => fail(connectError(signal.reason, "http"));
    if (signal.aborted) return onAbort();
    stream.on("response", onResponse).on("close", onClose);
    signal.addEventListener("abort", onAbort);
  });
}

function closedError(): Error {
  return new Error("the connection was closed");
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
