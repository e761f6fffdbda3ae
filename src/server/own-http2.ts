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
import { CONNECT_REQUIRED } from "../handshake/refusals.ts";
import { markOurs } from "./claimed-socket.ts";
import type { OwnServerListener } from "./own-web-server.ts";
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

/** Milliseconds that streams without a WebSocket have to end when the server has ended. */
const LINGER = 1000;

/** A client that had the time for a request, and sent none. */
const SILENT = { status: undefined, reason: "timeout" } as const;

/** What is known of a session. */
interface Session {
  readonly session: ServerHttp2Session;
  readonly socket: TLSSocket;
  /** The streams that are open. */
  streams: number;
  /** Whether it ever had one. */
  isUsed: boolean;
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
        // Node accepts no more.
        maxHeaderListSize: Math.min(settings.maxHeaderSize, 2 ** 32 - 1),
      },
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
      for (const { session } of this.#sessions) session.destroy();
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
    const one: Session = { session, socket, streams: 0, isUsed: false, timer: undefined };
    this.#sessions.add(one);
    session.once("close", () => {
      clearTimeout(one.timer);
      this.#sessions.delete(one);
    });
    session.on("stream", (stream) => {
      this.#onStream(one);
      stream.once("close", () => {
        if (--one.streams === 0) this.#onIdle(one);
      });
    });
    session.once("connect", () => {
      session.setLocalWindowSize(SESSION_WINDOW);
    });
    this.#startTimer(one);
    if (this.#isDraining) session.close();
  }

  #onStream(one: Session): void {
    one.streams++;
    one.isUsed = true;
    clearTimeout(one.timer);
    this.#pendingSockets?.remove(one.socket);
  }

  #onIdle(one: Session): void {
    if (one.session.destroyed || one.session.closed) return;
    this.#pendingSockets?.add(one.socket);
    this.#startTimer(one);
  }

  #startTimer(one: Session): void {
    one.timer = setTimeout(() => {
      if (!one.isUsed) {
        this.#settings.limitCounters.handshakeTimeout++;
        this.#listener.onRefused(SILENT, undefined, one.socket);
      }
      one.session.close();
    }, this.#settings.handshakeTimeout).unref();
  }
}
