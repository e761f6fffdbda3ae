import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerOptions,
  type ServerResponse,
  createServer,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import type { Addressed } from "../handshake/peer-address.ts";
import { Refusal } from "../handshake/refusal.ts";
import {
  HEADERS_TOO_LARGE,
  HOST_REQUIRED,
  METHOD_NOT_ALLOWED,
  UPGRADE_REQUIRED,
  badRequest,
} from "../handshake/refusals.ts";
import { connectionHeader } from "../handshake/response.ts";
import { destroyFailed, hasBegunAnswer, hasPendingAnswer, isClaimed, markClaimed } from "./claimed-socket.ts";
import type { RawRequest } from "../handshake/request.ts";
import type { RefusalReport } from "./refusal-exit.ts";
import type { Settings } from "./settings.ts";

/** Milliseconds between two checks for slow clients. Node's default of 30 s is longer than the default timeout. */
const CHECK_INTERVAL = 1000;

/** Milliseconds that a plain request with its body may take: Node's own default. */
export const REQUEST_TIMEOUT_OF_NODE = 300_000;

/** The settings of an own web server. */
export type OwnServerSettings = Pick<
  Settings,
  | "tls"
  | "http2"
  | "requestListener"
  | "maxHeaderSize"
  | "handshakeTimeout"
  | "maxConnections"
  | "maxHandshakes"
  | "limitCounters"
>;

/** Sends and reports the refusals of an own web server. */
export interface OwnServerListener {
  /** Refuses a request. Without `message` it could not be read. */
  refuse(socket: Duplex, refusal: Refusal, message?: RawRequest): void;
  /** A client was refused. Its answer was sent, or it gets none. `peer` knows its address. */
  onRefused(report: RefusalReport, message: RawRequest | undefined, peer: Addressed): void;
}

/** What a client may choose in the TLS handshake if the server speaks HTTP/2 too. */
const ALPNProtocols = ["h2", "http/1.1"];

/** A client that gets no answer, because there are too many sockets. */
const DROPPED: RefusalReport = { status: undefined, reason: "limit" };

/** The request did not come in time (RFC 9110 15.5.9). */
const REQUEST_TIMEOUT = new Refusal(408, "The request took too long.", {}, "timeout");

/**
 * Makes a web server that serves WebSocket requests. It refuses plain requests, unless the settings have a listener to them, which
 * is added elsewhere.
 */
export function createOwnServer(settings: OwnServerSettings, listener: OwnServerListener): Server {
  const hasApplication = settings.requestListener !== undefined;
  const { handshakeTimeout } = settings;
  const options = {
    // Node does not accept Infinity.
    maxHeaderSize: Math.min(settings.maxHeaderSize, Number.MAX_SAFE_INTEGER),
    // Without an application the library answers a request without Host. Node would answer it and keep the connection open.
    requireHostHeader: hasApplication,
    headersTimeout: handshakeTimeout,
    requestTimeout: hasApplication ? Math.max(REQUEST_TIMEOUT_OF_NODE, handshakeTimeout) : handshakeTimeout,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, handshakeTimeout),
  };
  const server = settings.tls === undefined ? createServer(options) : createTlsServer(options, settings);
  // 0: Node keeps all headers. A header that it left out could not be checked. `maxHeaderSize` limits them.
  server.maxHeadersCount = 0;
  // The last limit, on sockets in any state. Node drops those above it without an answer.
  // Sockets without a request have maxHandshakes places, and those before and after onConnection as many again. Plain requests have
  // as many as WebSockets.
  const sockets = (hasApplication ? 2 : 1) * settings.maxConnections + 2 * settings.maxHandshakes;
  if (sockets < Number.MAX_SAFE_INTEGER) server.maxConnections = sockets;
  server.on("drop", (peer: Addressed = {}) => {
    settings.limitCounters.maxConnections++;
    listener.onRefused(DROPPED, undefined, peer);
  });
  if (!hasApplication) refusePlainRequests(server, listener);
  // Without a listener Node would drop the socket.
  server.on("connect", (request: IncomingMessage, socket: Duplex) => {
    if (isClaimed(socket)) return;
    markClaimed(socket);
    listener.refuse(socket, refusalOf(request), request);
  });
  if (settings.tls !== undefined) reportTlsFailures(server, listener);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    answerClientError(error, socket, settings.limitCounters, listener);
  });
  return server;
}

function createTlsServer(
  options: ServerOptions,
  { tls, http2, handshakeTimeout }: Pick<Settings, "tls" | "http2" | "handshakeTimeout">,
): Server {
  try {
    return createSecureServer({
      ...options,
      handshakeTimeout,
      ...(http2 && tls?.ALPNCallback === undefined ? { ALPNProtocols } : undefined),
      ...tls,
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(`tls: expected a certificate and its key (${why})`, { cause });
  }
}

/** The sockets whose TLS handshake failed. */
const tlsFailures = new WeakSet<Duplex>();

/** Node emits `clientError` for these sockets too, from its own listener: ours comes first. */
function reportTlsFailures(server: Server, listener: OwnServerListener): void {
  server.prependListener("tlsClientError", (cause: Error, socket: Duplex & { readonly _parent?: Duplex }) => {
    tlsFailures.add(socket);
    // The server itself has cut a socket that is marked.
    if (socket._parent === undefined || !isClaimed(socket._parent))
      listener.onRefused({ status: undefined, reason: "tls", cause }, undefined, socket);
  });
}

function refusePlainRequests(server: Server, listener: OwnServerListener): void {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    // After an answer with "Connection: close", no other request is answered (RFC 9112 9.6). Each client counts once.
    if (!isClaimed(request.socket)) listener.onRefused(answerPlain(request, response), request, request.socket);
  };
  server.on("request", answer);
  server.on("checkExpectation", answer);
}

/** Answers a request that is not an upgrade (RFC 9110 15.5.22). */
function answerPlain(request: IncomingMessage, response: ServerResponse): Refusal {
  markClaimed(request.socket);
  // Node's own listener leaves the socket if an upgrade follows. A reset must not end the process.
  request.socket.on("error", destroyFailed);
  const refusal = refusalOf(request);
  answerWith(response, refusal);
  return refusal;
}

/** Refuses a plain request. */
export function answerWith(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, {
    ...(refusal.headers as OutgoingHttpHeaders),
    // HTTP/2 has no such header.
    ...("stream" in response ? undefined : { Connection: connectionHeader(refusal) }),
    "Content-Type": "text/plain; charset=utf-8",
  });
  response.end(`${refusal.body}\n`);
}

function refusalOf({ headers, httpVersion, method }: IncomingMessage): Refusal {
  if (headers.host === undefined && httpVersion === "1.1") return HOST_REQUIRED;
  return method === "GET" || method === "HEAD" ? UPGRADE_REQUIRED : METHOD_NOT_ALLOWED;
}

/** Answers a request that is not HTTP, too large or too slow. */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  limitCounters: Settings["limitCounters"],
  listener: OwnServerListener,
): void {
  // The socket has its answer, and still has time to read it.
  if (error.code !== "ECONNRESET" && (isClaimed(socket) || socket.writableEnded)) return;
  // The application is about to answer a request of this socket: its time is Node's.
  const isOfApplication = hasPendingAnswer(socket);
  if (error.code === "HPE_HEADER_OVERFLOW") limitCounters.maxHeaderSize++;
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && !isOfApplication) limitCounters.handshakeTimeout++;
  // A refusal in the middle of an answer would be read as a part of it.
  const isAnswered = isOfApplication && hasBegunAnswer(socket);
  if (error.code === "ECONNRESET" || !socket.writable || tlsFailures.has(socket) || isAnswered) {
    socket.destroy();
    return;
  }
  if (error.code === "HPE_HEADER_OVERFLOW") listener.refuse(socket, HEADERS_TOO_LARGE);
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") listener.refuse(socket, REQUEST_TIMEOUT);
  else listener.refuse(socket, badRequest("The request is not HTTP/1.1."));
}
