import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  connect,
} from "node:http2";
import type { Duplex } from "node:stream";

import { ConnectError } from "../connect-error.ts";
import { tooLarge } from "./http-exchange.ts";
import { connectError } from "./sockets.ts";
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

/** Begins a session over a stream that has chosen HTTP/2. It ends when the stream of its one WebSocket does. */
export function beginSession(stream: Duplex, authority: string, maxHeaderSize: number): ClientHttp2Session {
  const session = connect(`https://${authority}`, {
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

/** Sends an extended CONNECT (RFC 8441 5), and waits for the answer. Rejects with a `ConnectError`. */
export async function exchangeHttp2(
  session: ClientHttp2Session,
  request: Http2Exchange,
  signal: AbortSignal,
): Promise<Http2Answer> {
  await settingsOf(session, signal);
  if (!session.remoteSettings.enableConnectProtocol)
    throw new ConnectError("HWS_BAD_HANDSHAKE", "the server has no WebSockets over HTTP/2", { stage: "handshake" });
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(requestHeaders(request));
  } catch (cause) {
    // A header that HTTP/2 does not have, or a session that is closed.
    throw connectError(cause, "http");
  }
  ignoreErrors(stream);
  return await answerTo(stream, request.maxHeaderSize, signal);
}

/**
 * Waits for the settings of a server: it sends them first (RFC 9113 3.4), so an answer to a ping comes after them. A session that is in use
 * has them.
 */
function settingsOf(session: ClientHttp2Session, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      session.off("remoteSettings", onReady).off("error", onError).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onReady = (): void => {
      stop();
      resolve();
    };
    const fail = (cause: unknown): void => {
      stop();
      reject(connectError(cause, "http"));
    };
    const onError = (cause: Error): void => fail(cause);
    const onClose = (): void => fail(closedError());
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return onAbort();
    if (session.closed || session.destroyed) return onClose();
    if (session.remoteSettings.enableConnectProtocol === true) return resolve();
    session.on("remoteSettings", onReady).on("error", onError).on("close", onClose);
    signal.addEventListener("abort", onAbort);
    const ping = (): void => {
      session.ping((error) => {
        if (error === null) onReady();
      });
    };
    if (session.connecting) session.once("connect", ping);
    else ping();
  });
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
    const onClose = (): void => fail(connectError(stream.errored ?? closedError(), "http"));
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
