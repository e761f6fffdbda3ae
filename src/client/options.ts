import type { Duplex } from "node:stream";
import type { ClientHttp2Session } from "node:http2";
import type { ConnectionOptions } from "node:tls";

import type { CompressionOptions } from "../compression/options.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import type { SendQueuePolicy } from "../connection/sending/settings.ts";
import type { ClientHeaders, Provided } from "./handler.ts";
import type { CodeRange, Loss } from "./verdict.ts";
import type { WaitingPolicy } from "./waiting-queue.ts";

/** How a client connects again. Times are in milliseconds, sizes in bytes. */
export interface ReconnectOptions {
  /** The range of the first delay; it doubles with each failure. Default 1,000. With many thousand clients: 5,000. */
  readonly baseDelay?: number | undefined;
  /** The widest range of a delay. Default 30,000. */
  readonly maxDelay?: number | undefined;
  /** Dials in a row that may follow a failure. Default: no limit. After them the client ends: `HWS_GAVE_UP`. */
  readonly maxAttempts?: number | undefined;
  /** What `send` does while the client is not connected. `"refuse"` (default): it returns false. `"queue"`: the message waits. A message waits in any case while there is a connection whose `onOpen` has not begun. */
  readonly whileAway?: "refuse" | "queue" | undefined;
  /** Bytes that may wait. Default 1 MiB. */
  readonly maxQueue?: number | undefined;
  /** Milliseconds that a message may wait, also while the machine sleeps. Default 60,000. */
  readonly maxQueueAge?: number | undefined;
  /** What happens when the queue is full. Default `"drop-oldest"`. With `"latest"` only the newest message of each `key` waits; those without one share a key. */
  readonly queuePolicy?: WaitingPolicy | undefined;
  /** Close codes that are retried too, e.g. `[4009, [4100, 4199]]`. */
  readonly retryCodes?: readonly CodeRange[] | undefined;
  /**
   * Decides whether the client connects again, in place of the table in `docs/client.md`: true, false, or milliseconds until
   * then (from the second failure in a row at least 100); undefined, or no answer within `handshakeTimeout`: the table decides.
   */
  readonly retry?:
    ((loss: Loss) => boolean | number | undefined | PromiseLike<boolean | number | undefined>) | undefined;
}

/** Asks the server for a sign of life in browsers, which cannot ping. See the server's option `autoResponse`. */
export interface ProbeOptions {
  /** The text that is sent. */
  readonly request: string;
  /** The text that the server answers. It is not delivered. */
  readonly response: string;
  /** Milliseconds of silence before the request. Default 25,000. */
  readonly every?: number | undefined;
  /** Milliseconds in which any message must come. Default 5,000. */
  readonly timeout?: number | undefined;
}

/** Where a client connects to. */
export interface ConnectTarget {
  /** The host name or address. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The whole URL. */
  readonly url: URL;
  /** Aborts when the dial is given up. */
  readonly signal: AbortSignal;
}

/** Options of a client. Times are in milliseconds, sizes in bytes. Those of Node throw in a browser. */
export interface ClientOptions<T extends DataType = DataType> {
  /** The type of `event.data`. Default `"text"`. */
  readonly dataType?: T | undefined;
  /** The subprotocols that are offered. If the server chooses none of them, the handshake fails. Default: none. */
  readonly protocols?: Provided<string | readonly string[] | undefined> | undefined;
  /** Whether, and how, the client connects again. Default `false`. */
  readonly reconnect?: boolean | ReconnectOptions | undefined;
  /** Ends the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for a dial: from the functions that are asked for the URL and headers until the server's answer. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** Milliseconds for the close handshake, after which the connection is cut, and for a busy handler before it. Default 5,000. */
  readonly closeTimeout?: number | undefined;

  // Messages.

  /** Bytes that a message may have. Default 16 MiB. Above it: close 1009. */
  readonly maxMessageSize?: number | undefined;
  /** With `dataType: "object"`, how deep arrays and objects may be nested. Default 64. */
  readonly maxJsonDepth?: number | undefined;
  /** With `dataType: "object"`, values in one message. Default 100,000. */
  readonly maxJsonValues?: number | undefined;
  /** Bytes that may wait for a busy handler, on all connections of the client. Default 16 MiB. Above it: `HWS_RECEIVE_QUEUE_FULL`. Node pauses reading instead, and counts only connections that were lost. */
  readonly maxReceiveQueue?: number | undefined;
  /** Bytes that may wait before `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /** Bytes that may wait for the server. Default 16 MiB. Above it: `sendQueuePolicy`; in browsers the message is dropped. */
  readonly maxSendQueue?: number | undefined;
  /** In browsers: how the server is asked for a sign of life. Default: it is not, and only TCP finds a server that is gone. */
  readonly probe?: ProbeOptions | undefined;

  // Only on Node.

  /** Headers of the handshake's request. Also on the handler. */
  readonly headers?: Provided<ClientHeaders | undefined> | undefined;
  /** The header `Origin`. Default: none. */
  readonly origin?: string | undefined;
  /** Bytes that the server's answer may have, with all answers before it. Default 16 KiB. Not Infinity. */
  readonly maxHeaderSize?: number | undefined;
  /** Bytes that a message may have that `onMessageStart` takes as a stream. Default 1 GiB. Above it: close 1009. */
  readonly maxStreamSize?: number | undefined;
  /** Fragments that a message may have. Default 16,384. */
  readonly maxFragments?: number | undefined;
  /** With `dataType: "object"`, what happens to a message that is not JSON. Default `"close"`. */
  readonly invalidJson?: "close" | "ignore" | undefined;
  /** What happens above `maxSendQueue`, as on the server. Default `"terminate"`. */
  readonly sendQueuePolicy?: SendQueuePolicy | undefined;
  /** Milliseconds of silence before a ping. Default 25,000; Infinity: no pings. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds after a ping in which any byte must arrive. Default 20,000. */
  readonly pingTimeout?: number | undefined;
  /** permessage-deflate, as on the server. Default `false`: it is not offered. */
  readonly compression?: boolean | CompressionOptions | undefined;
  /** Options of `tls.connect` for `wss:`, e.g. `ca`, `cert`, `key`, `servername`. */
  readonly tls?: ConnectionOptions | undefined;
  /** The HTTP proxy: its URL; `null`: none; a function of the URL. Default: that of the environment (`https_proxy`, `no_proxy`, …). */
  readonly proxy?: string | URL | null | ((url: URL) => string | URL | null | undefined) | undefined;
  /** A Unix socket. The URL gives the `Host` and the path. */
  readonly socketPath?: string | undefined;
  /** Makes the connection in place of TCP and a proxy, e.g. through SOCKS or SSH. With `wss:`, TLS runs over it. */
  readonly createConnection?: ((target: ConnectTarget) => Duplex | PromiseLike<Duplex>) | undefined;
  /**
   * WebSockets over HTTP/2 (RFC 8441). `true`: with `wss:` the server may choose HTTP/2 in the TLS handshake, on a session for this one
   * WebSocket. If it has no WebSockets there, the dial goes on with HTTP/1.1. A function gives a session of yours before each dial, of
   * `http2.connect()` for the same host and port: all clients that get the same one share its connection. You end it. Default `false`: HTTP/1.1.
   */
  readonly http2?:
    boolean | ((target: ConnectTarget) => ClientHttp2Session | PromiseLike<ClientHttp2Session>) | undefined;
}
