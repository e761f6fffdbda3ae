import type { SecureContextOptions, TlsOptions } from "node:tls";

import type { DataType } from "../connection/receiving/decode.ts";
import type { RatePolicy } from "../connection/receiving/settings.ts";
import type { SendQueuePolicy } from "../connection/sending/settings.ts";
import type { TrustProxy } from "../handshake/forwarded-address.ts";
import type { Origins } from "../handshake/rules/origin.ts";
import type { WebServer } from "./attachable-server.ts";

/** Options of a `WebSocketServer`: times in milliseconds, sizes in bytes. */
export interface WebSocketServerOptions<T extends DataType = DataType> {
  /** The path that reaches this server, e.g. `"/chat"`. Default: every WebSocket request. */
  readonly path?: string | undefined;
  /** What `onMessage` is handed. Default `"text"`. */
  readonly dataType?: T | undefined;
  /** A web server of yours to attach to: its host, port and TLS are used, and it stays yours to close. */
  readonly server?: WebServer | undefined;
  /** Listens on this port with a web server of its own; 0: any free one, which `wss.address()` tells. */
  readonly port?: number | undefined;
  /** The address its own web server listens on. Default: all. */
  readonly host?: string | undefined;
  /** Certificate and key for its own web server, which then speaks `wss:` only. */
  readonly tls?: (SecureContextOptions & TlsOptions) | undefined;
  /** Which browsers may connect. Default: pages of this host. */
  readonly origins?: Origins | undefined;
  /**
   * Which proxies before the server are believed about the client's address, in `X-Forwarded-For`: how many there are, or
   * their addresses (`"10.0.0.0/8"`, `"loopback"`). A proxy that connects by a unix socket has no address: it is a hop, 1.
   * Default: none, and the header is not looked at.
   */
  readonly trustProxy?: TrustProxy | undefined;

  // Messages that come.

  /** Bytes a message may have, over all its fragments. Default 1 MiB, at most what a string can hold (512 MiB). Above it: close 1009. */
  readonly maxMessageSize?: number | undefined;
  /**
   * Bytes that a message's fragments may be charged beside their payload, 64 each. Default: as many as the message may
   * have, and at least 64 KiB: 1,024 fragments. Above it: close 1009.
   */
  readonly maxFragmentOverhead?: number | undefined;
  /** Under `dataType: "object"`, arrays and objects inside each other. Default 64. Above it: close 1009, see `invalidJson`. */
  readonly maxJsonDepth?: number | undefined;
  /** Under `dataType: "object"`, values in one message. Default 100,000: some 60 bytes of memory each. Above it: close 1009, see `invalidJson`. */
  readonly maxJsonValues?: number | undefined;
  /**
   * Under `dataType: "object"`, what a message does that is not JSON, or beyond its limits. `"close"` (default): close
   * 1007 or 1009. `"keep"`: the message is dropped and the server's `onError` told.
   */
  readonly invalidJson?: "close" | "keep" | undefined;
  /** Messages of one connection that are delivered in a second, and in one burst. Default: no limit. */
  readonly maxMessagesPerSecond?: number | undefined;
  /**
   * Bytes that one connection may bring in a second, and in one burst, frame headers and all: what one read of the socket
   * (64 KiB at most) brings is taken, and paid for. Default: no limit.
   */
  readonly maxBytesPerSecond?: number | undefined;
  /** What happens to a peer beyond either. `"pause"` (default): its messages wait, and it is read no faster than that. `"close"`: close 1008. */
  readonly ratePolicy?: RatePolicy | undefined;

  // Messages that are sent.

  /** Bytes that may wait for one peer before `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Bytes that may wait for one slow peer; looked at before a message, of whatever size that is. From the 1,000th on, one that
   * waits by itself (behind a `Blob`, or under `"drop-oldest"` and `"latest"`) counts for 256 at least. Default 16 MiB. Above it:
   * `sendQueuePolicy`.
   */
  readonly maxSendQueue?: number | undefined;
  /**
   * Bytes that may wait for all slow peers of the process, of all its servers. Default: a quarter of the memory that the
   * process may have. Above it those with more than an equal share are dealt with by `sendQueuePolicy`.
   */
  readonly maxTotalSendQueue?: number | undefined;
  /**
   * What happens to a message when so much waits already. `"terminate"` (default): the peer is given up, close 1013.
   * `"drop-newest"`: this message is dropped. `"drop-oldest"`: those that wait the longest are. `"latest"`: of the messages
   * with the same `key` only the newest is kept, those without one count as of one key; if that is not enough, close 1013.
   */
  readonly sendQueuePolicy?: SendQueuePolicy | undefined;
  /** Pongs that wait for a peer that reads slowly; the oldest are left out (RFC 6455 5.5.3). Default 1. */
  readonly maxPongQueue?: number | undefined;
  /** Bytes that one frame carries at most; a longer message is sent in fragments (RFC 6455 5.4). Default: no limit. */
  readonly fragmentSize?: number | undefined;

  // How long a connection lives.

  /** Milliseconds of a peer's silence before it is sent a ping. Any byte ends the silence. Default 30,000; Infinity: no pings. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds behind a ping in which any byte must come. Default 20,000. Above it: `onError`, and 1006. */
  readonly pingTimeout?: number | undefined;
  /** Milliseconds without a message in either direction. Default: no limit. Above it: close 1001. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds that a connection may live. Default: no limit. Above it: close 1001. */
  readonly maxLifetime?: number | undefined;
  /** Milliseconds that a peer has to answer a close frame and to close its side. Default 5,000. */
  readonly closeTimeout?: number | undefined;
  /** Connections that `wss.terminate` closes at a time; more where the time would not do for all. Default 1,000. */
  readonly closeBatchSize?: number | undefined;

  // Who may come in.

  /** Connections in all. Default 100,000. Above it: HTTP 503. */
  readonly maxConnections?: number | undefined;
  /** Connections from one address; of IPv6, from one /64. Default 20,000. Above it: HTTP 429. Behind a proxy see `trustProxy`. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * Clients that are asking to connect: that wait for `onConnection`, above it HTTP 503; and that have not finished their
   * request on a web server of our own, above it the one that has tried the longest is put out. Default 2,000.
   */
  readonly maxHandshakes?: number | undefined;
  /** Handshakes in a second, and in one burst. Default: no limit. Above it: HTTP 503 with `Retry-After`. */
  readonly maxHandshakesPerSecond?: number | undefined;
  /** Milliseconds that a client has for its request, and `onConnection` for its answer. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** Bytes that a request's target and headers may have together. Default 16 KiB. Above it: HTTP 431. */
  readonly maxHeaderSize?: number | undefined;
}
