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
import { Refusal } from "../handshake/refusal.ts";
import {
  HEADERS_TOO_LARGE,
  HOST_REQUIRED,
  METHOD_NOT_ALLOWED,
  UPGRADE_REQUIRED,
  badRequest,
} from "../handshake/refusals.ts";
import { connectionHeader, sendRefusal } from "../handshake/response.ts";
import { markUpgraded, isUpgraded } from "./upgraded-socket.ts";
import type { Settings } from "./settings.ts";

/** How often a web server looks for clients that take too long, in milliseconds; Node's own 30 s would let them all be late. */
const CHECK_INTERVAL = 1000;

/** What an own web server needs to know. */
export type OwnServerSettings = Pick<
  Settings,
  "tls" | "maxHeaderSize" | "handshakeTimeout" | "maxConnections" | "maxHandshakes" | "limitCounters"
>;

/** Makes a web server that serves nothing but WebSocket requests, and says so to others. */
export function createOwnServer(settings: OwnServerSettings): Server {
  const options = {
    // Node takes no Infinity.
    maxHeaderSize: Math.min(settings.maxHeaderSize, Number.MAX_SAFE_INTEGER),
    // Answered by us, or Node would answer and read on.
    requireHostHeader: false,
    headersTimeout: settings.handshakeTimeout,
    requestTimeout: settings.handshakeTimeout,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, settings.handshakeTimeout),
  };
  const server = settings.tls === undefined ? createServer(options) : createTlsServer(options, settings);
  // All of them, for what Node leaves out nobody checks; `maxHeaderSize` is their limit.
  server.maxHeadersCount = 0;
  // A last bound, on sockets of any state: those are dropped before they are spoken to.
  const sockets = settings.maxConnections + settings.maxHandshakes;
  if (sockets < Number.MAX_SAFE_INTEGER) server.maxConnections = sockets;
  server.on("drop", () => settings.limitCounters.maxConnections++);
  server.on("request", answerPlain);
  server.on("checkExpectation", answerPlain);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    answerClientError(error, socket, settings.limitCounters);
  });
  return server;
}

function createTlsServer(
  options: ServerOptions,
  { tls, handshakeTimeout }: Pick<Settings, "tls" | "handshakeTimeout">,
): Server {
  try {
    return createSecureServer({ ...options, handshakeTimeout, ...tls });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(`tls: expected a certificate and its key (${why})`, { cause });
  }
}

/** A request that is no upgrade: RFC 9110 15.5.22. */
function answerPlain(request: IncomingMessage, response: ServerResponse): void {
  // After an answer with "Connection: close", no other request is answered (RFC 9112 9.6).
  markUpgraded(request.socket);
  const refusal = refusalOf(request);
  response.writeHead(refusal.status, {
    ...(refusal.headers as OutgoingHttpHeaders),
    Connection: connectionHeader(refusal),
    "Content-Type": "text/plain; charset=utf-8",
  });
  response.end(`${refusal.body}\n`);
}

function refusalOf({ headers, httpVersion, method }: IncomingMessage): Refusal {
  if (headers.host === undefined && httpVersion === "1.1") return HOST_REQUIRED;
  return method === "GET" || method === "HEAD" ? UPGRADE_REQUIRED : METHOD_NOT_ALLOWED;
}

/** A request that is not HTTP, too large or too slow. */
function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  limitCounters: Settings["limitCounters"],
): void {
  if (error.code === "HPE_HEADER_OVERFLOW") limitCounters.maxHeaderSize++;
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") limitCounters.handshakeTimeout++;
  // It has its answer, and a moment to read it.
  if (error.code !== "ECONNRESET" && (isUpgraded(socket) || socket.writableEnded)) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === "HPE_HEADER_OVERFLOW") sendRefusal(socket, HEADERS_TOO_LARGE, undefined);
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT")
    sendRefusal(socket, new Refusal(408, "The request took too long."), undefined);
  else sendRefusal(socket, badRequest("The request is not HTTP/1.1."), undefined);
}
