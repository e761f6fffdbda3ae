import type { Backplane } from "../backplane/contract.ts";
import type { RequestListener } from "node:http";
import type { SecureContextOptions, TlsOptions } from "node:tls";

import type { DataType } from "../connection/receiving/decode.ts";
import type { RatePolicy } from "../connection/receiving/settings.ts";
import type { SendQueuePolicy } from "../connection/sending/settings.ts";
import type { TrustProxy } from "../handshake/forwarded-address.ts";
import type { Origins } from "../handshake/rules/origin.ts";
import type { CompressionOptions } from "../compression/options.ts";
import type { HistoryOptions } from "../topics/history-rules.ts";
import type { ListenOptions } from "./listen-options.ts";
import type { PathFunction } from "./path-rule.ts";
import type { WebServer } from "./web-server.ts";

/** A text that the library answers by itself, and the answer: at most 125 bytes of UTF-8 each. */
export interface AutoResponseOptions {
  /** The whole text of the request. */
  readonly request: string;
  /** The whole text of the answer. */
  readonly response: string;
}

/** Options of a `WebSocketServer`. Times are in milliseconds, sizes in bytes. */
export interface WebSocketServerOptions<T extends DataType = DataType> {
  /**
   * The path of this server, compared exactly (`"/chat"` is not `"/chat/"`), or with named segments and perhaps a final `*`
   * (`"/rooms/:id"`, `"/files/*"`): they are in `event.request.params`. Or a function that returns true, the parameters, or false:
   * then the next server on that web server is asked. Exact paths come first, then those with names, then functions, each in the
   * order in which the servers were made. Default: it takes every WebSocket request that no other server takes.
   */
  readonly path?: string | PathFunction | undefined;
  /** The type of `event.data` in `onMessage`. Default `"text"`. */
  readonly dataType?: T | undefined;
  /** Your web server to attach to. Its host, port and TLS are used. The library does not close it. */
  readonly server?: WebServer | undefined;
  /** Listens on this port, with the library's own web server. 0: any free port, which `wss.address()` returns. */
  readonly port?: number | undefined;
  /** The address on which the library's own web server listens. Default: all addresses. */
  readonly host?: string | undefined;
  /**
   * How the library's own web server listens, as `net.Server.listen()` takes it: `path` for a Unix socket, `fd`, `backlog`, `ipv6Only`,
   * `reusePort` and others. Alone, or together with `port` and `host`.
   */
  readonly listen?: ListenOptions | undefined;
  /**
   * Answers plain HTTP requests on the library's own web server, such as health checks: what `http.createServer()` takes, so an
   * Express app fits. Node's own `requestTimeout` and its check of `Host` hold for them. If it throws, or its promise
   * rejects, the process gets an uncaught exception or rejection, as there. Default: plain requests get HTTP 426.
   */
  readonly requestListener?: RequestListener | undefined;
  /** Certificate and key for the library's own web server, which then accepts `wss:` only. */
  readonly tls?: (SecureContextOptions & TlsOptions) | undefined;
  /**
   * Whether the library's own TLS port speaks HTTP/2 too: clients choose it in the TLS handshake, and all WebSockets of a browser to
   * this server then share one connection (RFC 8441). Default: `true` without `requestListener`. With one it is `false`: over HTTP/2
   * the listener gets an `Http2ServerRequest` and an `Http2ServerResponse`, which not every framework knows: `true` with an Express app is
   * an error. A web server of yours
   * (`server`) may be one of `http2` in any case.
   */
  readonly http2?: boolean | undefined;
  /** The web pages that may connect. Default: pages of this host. Behind a proxy, see `trustProxy`. */
  readonly origins?: Origins | undefined;
  /**
   * The subprotocols of this server, e.g. `["graphql-transport-ws", "mqtt"]`. `event.protocol` of `onConnection` starts as the
   * first of them that the client offers. Default: none, and `onConnection` chooses.
   */
  readonly protocols?: readonly string[] | undefined;
  /**
   * The proxies in front of the server that are trusted: their number, or their addresses (`"10.0.0.0/8"`, `"loopback"`). They
   * report the client's address in `X-Forwarded-For`, and the host, port and scheme that `origins: "same"` compares in
   * `X-Forwarded-Host`, `X-Forwarded-Port`, `X-Forwarded-Proto` or `Forwarded`. A proxy that connects through a Unix socket
   * has no address: count it as one hop, 1. Default: none, and these headers are ignored.
   */
  readonly trustProxy?: TrustProxy | undefined;

  // Incoming messages.

  /** Bytes that a message may have, in all its fragments. Default 1 MiB, at most 512 MiB, which a string can hold. Above it: close 1009. */
  readonly maxMessageSize?: number | undefined;
  /** Bytes that a message may have that `onMessageStart` takes as a stream. Default 1 GiB. Above it: close 1009. */
  readonly maxStreamSize?: number | undefined;
  /** Fragments that a message may have, unless it is streamed. Default 16,384. Above it: close 1009. */
  readonly maxFragments?: number | undefined;
  /** With `dataType: "object"`, how deep arrays and objects may be nested. Default 64. Above it: close 1009, see `invalidJson`. */
  readonly maxJsonDepth?: number | undefined;
  /** With `dataType: "object"`, values in one message. Default 100,000; each takes about 60 bytes of memory. Above it: close 1009, see `invalidJson`. */
  readonly maxJsonValues?: number | undefined;
  /**
   * With `dataType: "object"`, what happens when a message is not JSON, or exceeds the limits for JSON. `"close"` (default):
   * close 1007 or 1009. `"ignore"`: the message is dropped, the server's `onError` is called, and the connection stays open.
   */
  readonly invalidJson?: "close" | "ignore" | undefined;
  /** Messages that one connection may deliver in a second, and in one burst. Default: no limit. */
  readonly maxMessagesPerSecond?: number | undefined;
  /**
   * Bytes that one connection may send in a second, and in one burst. Frame headers count. One read of the socket (at most
   * 64 KiB) is always processed as a whole, and counted. Default: no limit.
   */
  readonly maxBytesPerSecond?: number | undefined;
  /** What happens above either of these rates. `"pause"` (default): messages wait, and the socket is read no faster than that. `"close"`: close 1008. */
  readonly ratePolicy?: RatePolicy | undefined;

  /**
   * A text that the library answers by itself: `{ request: "ping", response: "pong" }`, at most 125 bytes of UTF-8 each. A client
   * in a browser, which cannot ping, finds out with it whether the server is there (see `probe` of `hawser/client`). The request is
   * not delivered, counts as a message for the limits, and does not extend `idleTimeout`. Default: none.
   */
  readonly autoResponse?: AutoResponseOptions | undefined;

  // Outgoing messages.

  /** Bytes that may wait for one peer before `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Bytes that may wait for one slow peer. It is checked before a message is added, whatever the message's size. A message
   * that waits separately (after a `Blob`, or with `"drop-oldest"` and `"latest"`) counts as at least 256 bytes from the
   * 1,000th on. Default 16 MiB. Above it: `sendQueuePolicy`.
   */
  readonly maxSendQueue?: number | undefined;
  /**
   * Bytes that may wait for all busy handlers together, of all servers in the process. Default: a quarter of the memory that
   * the process may have. Above it, connections that have more than an equal share are not read until their handlers have
   * settled. Up to 128 KiB of each may have been read before. Memory that is reserved for large messages counts too: above it,
   * their memory grows as they arrive.
   */
  readonly maxTotalReceiveQueue?: number | undefined;
  /**
   * Bytes that may wait for all slow peers together, of all servers in the process. Default: a quarter of the memory that
   * the process may have. Above it, `sendQueuePolicy` applies to the peers that have more than an equal share.
   */
  readonly maxTotalSendQueue?: number | undefined;
  /**
   * What happens to a message when the limits above are reached. `"terminate"` (default): the connection is closed, close
   * 1013. `"drop-newest"`: this message is dropped. `"drop-oldest"`: the messages that have waited the longest are dropped.
   * `"latest"`: of the messages with the same `key` only the newest is kept; messages without a key share one key; if that
   * is not enough, close 1013.
   */
  readonly sendQueuePolicy?: SendQueuePolicy | undefined;

  // Compression.

  /**
   * Compresses messages with peers that agree, as all browsers do (permessage-deflate, RFC 7692): `true`, or an object with
   * settings. It saves bandwidth and costs CPU time. Give `send` the option `compress: false` for secrets that are sent together
   * with what an attacker can choose. Default `false`.
   */
  readonly compression?: boolean | CompressionOptions | undefined;

  // How long a connection lives.

  /** Milliseconds of a peer's silence before a ping is sent, at the latest. Any byte ends the silence. Default 25,000; Infinity: no pings. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds after a ping in which any byte must arrive. Default 20,000. Above it: `onError`, and 1006. */
  readonly pingTimeout?: number | undefined;
  /** Milliseconds without a message in either direction. Default: no limit. Above it: close 1001. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds that a connection may stay open. Default: no limit. Above it: close 1001. */
  readonly maxLifetime?: number | undefined;
  /**
   * Milliseconds that a peer has to answer a close frame and to close its side. They begin when it has taken what was sent before,
   * and it gets them once more for each 512 KiB of that: at most 12 times in all. A busy handler holds back the answer to the peer's
   * close frame no longer than this either. Default 5,000.
   */
  readonly closeTimeout?: number | undefined;
  /** Connections that `wss.terminate` closes at a time, about every 100 ms. It closes more at a time when its timeout is short. Default 1,000. */
  readonly closeBatchSize?: number | undefined;

  // New clients.

  /** Connections in total. Default 100,000. Above it: HTTP 503. */
  readonly maxConnections?: number | undefined;
  /** Connections from one address; with IPv6, from one /64. Default 20,000. Above it: HTTP 429. Behind a proxy, see `trustProxy`. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Clients that wait for `onConnection`, refused clients that read their answer, and requests for a path that no WebSocket server has that wait
   * for another `upgrade` listener. Above it: the oldest refused client is disconnected; if there is none, HTTP 503. On the
   * library's own web server, as many clients that have not finished their request. Above it: the oldest of these is
   * disconnected. Default 2,000.
   */
  readonly maxHandshakes?: number | undefined;
  /** Handshakes in a second, and in one burst. Default: no limit. Above it: HTTP 503 with `Retry-After`. */
  readonly maxHandshakesPerSecond?: number | undefined;
  /** Topics to which one connection may subscribe. Above it `subscribe` rejects with `HWS_TOO_MANY_TOPICS`. Default 1,000. */
  readonly maxTopicsPerConnection?: number | undefined;
  /**
   * Topics whose newest messages are kept, so that a client that comes back gets what it has missed: see `since` of `ws.subscribe`. The key is a
   * topic, or the beginning of topics and a `*`; the longest that fits counts. `size`: the newest messages, 1 to 10,000, default 100. `ttl`:
   * milliseconds, 10,000 to 2,592,000,000 (30 days), default 300,000. Default: no topic.
   *
   * @example
   * new WebSocketServer(handler, { port: 8080, history: { "chat:*": { size: 200, ttl: 600_000 } } });
   */
  readonly history?: Readonly<Record<string, HistoryOptions>> | undefined;
  /**
   * Bytes of the messages of topics with history that the process keeps. Above it, the
   * oldest messages of the topic go first that was published to the longest ago. `wss.counters.history.trimmed` counts them. Default 64 MiB.
   */
  readonly maxHistoryMemory?: number | undefined;
  /**
   * Joins this server with others: `publish` and `broadcast` reach the connections of all of them, and topics with history have one order.
   * `memory()` joins servers of one process, `redis(client)` of `hawser/redis` those of many machines. Default: the server is alone.
   *
   * @example
   * const joined = memory();
   * const chat = new WebSocketServer(new Chat(), { port: 8080, backplane: joined });
   * const admin = new WebSocketServer(new Admin(), { port: 8081, backplane: joined });
   */
  readonly backplane?: Backplane | undefined;
  /** Milliseconds for which `publish` on a topic with history waits for a broker that is away. Above it: it rejects. Default 5,000. */
  readonly publishTimeout?: number | undefined;
  /** Bytes of messages of topics with history that wait for a broker. Above it `publish` rejects with `HWS_BACKPLANE_FULL`. Default 16 MiB. */
  readonly maxBackplaneQueue?: number | undefined;
  /** Milliseconds for a client to send its request, and again for `onConnection` to answer it. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** Bytes that a request's target and headers may have together. Default 16 KiB. Above it: HTTP 431. */
  readonly maxHeaderSize?: number | undefined;
}
