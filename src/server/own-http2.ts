import type { Server } from "node:http";
import {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  createServer,
} from "node:http2";
import type { TLSSocket } from "node:tls";

import { Http2Request } from "../handshake/http2-request.ts";
import { Http2Code } from "../handshake/http2-stream.ts";
import { CONNECT_REQUIRED } from "../handshake/refusals.ts";
import { markOurs } from "./claimed-socket.ts";
import { hasEnded } from "./handshake-signal.ts";
import { type OwnServerListener, REQUEST_TIMEOUT_OF_NODE } from "./own-web-server.ts";
import type { PendingSockets } from "./pending-sockets.ts";
import type { Settings } from "./settings.ts";

/** The settings of HTTP/2 on an own web server. */
export type OwnHttp2Settings = Pick<
  Settings,
  "maxHeaderSize" | "handshakeTimeout" | "requestListener" | "limitCounters"
>;

/**
 * The streams that a session may have at a time: as many as other servers allow, and RFC 9113 6.5.2 recommends at least. A client
 * that needs more opens another session.
 */
const MAX_STREAMS = 100;

/**
 * Bytes that a client may send on one stream before they are read. A message of 64 KiB arrives without a pause. What a busy handler
 * holds back waits in memory, so it is not more.
 */
const STREAM_WINDOW = 128 * 1024;

/** The same for all streams of a session. Node reads them at once, so they take no memory. */
const SESSION_WINDOW = 1024 * 1024;

/**
 * The streams of a session that may end without a WebSocket. Then the client has to connect again for the next one, as over HTTP/1.1
 * after each. Those that are open go on: they may be other clients', of a proxy.
 */
const MAX_REFUSED = 100;

/** The greatest number that Node accepts. */
const MAX_NUMBER = 2 ** 32 - 1;

/** Milliseconds that streams without a WebSocket have to end when the server has ended, or the session. */
const LINGER = 1000;

/** A client that had the time for a request, and sent none. */
const SILENT = { status: undefined, reason: "timeout" } as const;

/** A client that has chosen HTTP/2, and sends something else. */
const NO_HTTP2 = { status: undefined, reason: "malformed" } as const;

/** What is known of a session. */
interface Session {
  readonly session: ServerHttp2Session;
  readonly socket: TLSSocket;
  /** The streams that are open. */
  streams: number;
  /** Whether it ever had one. */
  isUsed: boolean;
  /** Whether its client was reported as refused. */
  isReported: boolean;
  /** The streams that did not become a WebSocket. */
  refused: number;
  /** Runs while no stream is open. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * HTTP/2 on the library's own TLS port. Clients choose it in the TLS handshake (ALPN). A session without an open stream counts as a
 * pending socket, and has `handshakeTimeout` for the next one.
 */
export class OwnHttp2 {
  /** Node's server of HTTP/2. It does not listen: it gets the sockets that have chosen HTTP/2. */
  readonly server: Http2Server;
  readonly #settings: OwnHttp2Settings;
  readonly #listener: OwnServerListener;
  readonly #pendingSockets: Pick<PendingSockets, "add" | "remove"> | undefined;
  readonly #sessions = new Set<Session>();
  #isDraining = false;

  constructor(
    settings: OwnHttp2Settings,
    listener: OwnServerListener,
    pendingSockets: Pick<PendingSockets, "add" | "remove"> | undefined,
  ) {
    this.#settings = settings;
    this.#listener = listener;
    this.#pendingSockets = pendingSockets;
    this.server = createServer({
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: MAX_STREAMS,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: headerListSize(settings.maxHeaderSize),
      },
      // The size limits them: a browser sends each cookie as one.
      maxHeaderListPairs: MAX_NUMBER,
    });
    if (settings.requestListener === undefined) this.server.on("stream", markOurs(this.#refusePlain));
  }

  /** Takes the sockets that have chosen HTTP/2 from a web server. Others stay with its listener, which is Node's. */
  takeFrom(webServer: Server): void {
    const nodes = webServer.listeners("secureConnection");
    webServer.removeAllListeners("secureConnection");
    webServer.on("secureConnection", (socket: TLSSocket) => {
      if (socket.alpnProtocol === "h2") this.#serve(socket);
      else for (const listener of nodes) listener.call(webServer, socket);
    });
  }

  /** Tells all clients to open no more streams (GOAWAY, RFC 9113 6.8). Those that are open go on. */
  drain(): void {
    this.#isDraining = true;
    for (const { session } of this.#sessions) session.close();
  }

  /** The server has ended: what is still open gets a moment, and is destroyed. */
  close(): void {
    this.drain();
    if (this.#sessions.size === 0) return;
    setTimeout(() => {
      for (const { socket } of this.#sessions) socket.destroy();
    }, LINGER).unref();
  }

  /** Nobody else answers requests that are not for a WebSocket. */
  readonly #refusePlain = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    received: string[],
  ): void => {
    this.#listener.refuse(stream, CONNECT_REQUIRED, new Http2Request(stream, headers, received));
  };

  #serve(socket: TLSSocket): void {
    this.server.once("session", (session: ServerHttp2Session) => {
      this.#add(session, socket);
    });
    this.server.emit("connection", socket);
  }

  #add(session: ServerHttp2Session, socket: TLSSocket): void {
    const one: Session = {
      session,
      socket,
      streams: 0,
      isUsed: false,
      isReported: false,
      refused: 0,
      timer: undefined,
    };
    this.#sessions.add(one);
    socket.once("close", () => {
      clearTimeout(one.timer);
      this.#sessions.delete(one);
    });
    // Node's session ends its socket only, and a client may never end its own side.
    session.once("error", ({ code }: NodeJS.ErrnoException) => {
      if (!one.isReported && !one.isUsed && code?.startsWith("ERR_HTTP2") === true)
        this.#listener.onRefused(NO_HTTP2, undefined, one.socket);
      one.isReported = true;
      destroyLater(one);
    });
    session.on("stream", (stream, headers) => {
      this.#onStream(one);
      const isOurs = this.#settings.requestListener === undefined || headers[":method"] === "CONNECT";
      if (!isOurs && !stream.endAfterHeaders) this.#limitRequest(stream, socket);
      stream.once("close", () => {
        if (isOurs && !isOpened(stream) && ++one.refused === MAX_REFUSED) session.close();
        if (--one.streams === 0) this.#onIdle(one);
      });
    });
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
    });
    this.#startTimer(one);
    if (this.#isDraining) session.close();
  }

  /** A body that does not come in time ends its stream, as Node ends such a request of HTTP/1.1. */
  #limitRequest(stream: ServerHttp2Stream, socket: TLSSocket): void {
    const timer = setTimeout(
      () => {
        if (hasEnded(stream)) return;
        this.#listener.onRefused(SILENT, undefined, socket);
        stream.close(Http2Code.cancel);
      },
      Math.max(REQUEST_TIMEOUT_OF_NODE, this.#settings.handshakeTimeout),
    ).unref();
    stream.once("close", () => {
      clearTimeout(timer);
    });
  }

  #onStream(one: Session): void {
    one.streams++;
    one.isUsed = true;
    clearTimeout(one.timer);
    this.#pendingSockets?.remove(one.socket);
  }

  #onIdle(one: Session): void {
    if (one.socket.destroyed) return;
    this.#pendingSockets?.add(one.socket);
    if (one.session.closed || one.session.destroyed) destroyLater(one);
    else this.#startTimer(one);
  }

  #startTimer(one: Session): void {
    one.timer = setTimeout(() => {
      if (!one.isUsed) {
        this.#settings.limitCounters.handshakeTimeout++;
        this.#listener.onRefused(SILENT, undefined, one.socket);
        one.isReported = true;
      }
      one.session.close();
      destroyLater(one);
    }, this.#settings.handshakeTimeout).unref();
  }
}

/** Whether a stream became a WebSocket. One that was reset before its answer did not. */
function isOpened(stream: ServerHttp2Stream): boolean {
  return stream.headersSent && stream.sentHeaders[":status"] === 200;
}

/**
 * The bytes of headers that Node accepts: it counts 32 more for each (RFC 9113 6.5.2), and resets what is larger without a word. What is
 * above `maxHeaderSize` and not above this gets 431, and is counted.
 */
function headerListSize(maxHeaderSize: number): number {
  return Math.min(2 * maxHeaderSize, MAX_NUMBER);
}

/** Destroys the socket of a session that opens no more streams. One whose headers never end is a stream for Node's session, which waits for it. */
function destroyLater(one: Session): void {
  clearTimeout(one.timer);
  one.timer = setTimeout(() => {
    one.socket.destroy();
  }, LINGER).unref();
}
