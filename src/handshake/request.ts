import type { IncomingMessage } from "node:http";

import type { Addressed } from "./peer-address.ts";
import type { Cookies } from "./cookies.ts";
import type { RequestHeaders } from "./request-headers.ts";

/** A request as it came, over either version of HTTP. A message of Node's HTTP/1.1 is one. */
export interface RawRequest {
  /** The version of HTTP, e.g. `"1.1"`. */
  readonly httpVersion: string;
  /** The method, e.g. `"GET"`. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** The socket that the request came on. Over HTTP/2, other requests come on it too. */
  readonly socket: Addressed;
  /** Node's own object for the request. Undefined: this is the object itself. */
  readonly nodeRequest?: IncomingMessage | undefined;
}

/** Names and their values. A name that came several times has all its values, in order. The object has no prototype. */
export type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the server knows of a request besides what the client has sent. */
export interface RequestDetails {
  /** The values of the named segments of the server's path. Default: none. */
  readonly params?: Readonly<Record<string, string>>;
  /** What the application gave to `handleUpgrade`. */
  readonly context?: unknown;
}

/** 4D's `event.request` of `onConnection`: what the client asked for. */
export interface ConnectionRequest {
  /** The headers. Their names are in lower case. */
  readonly headers: RequestHeaders;
  /** The cookies, by name. Of a name that comes twice the first counts. */
  readonly cookies: Cookies;
  /** The decoded parameters of the URL. */
  readonly query: Values;
  /** The version of HTTP: `"1.1"`, or `"2.0"` for a WebSocket over HTTP/2 (RFC 8441). */
  readonly httpVersion: string;
  /** The raw target, e.g. `/status?name=ryan`. */
  readonly url: string;
  /** The target's path, not decoded, e.g. `/status`. */
  readonly path: string;
  /** The decoded values of the named segments of the option `path`: `{ id: "7" }` for `/rooms/:id`. */
  readonly params: Readonly<Record<string, string>>;
  /**
   * Node's own request: its socket, its client certificate (`raw.socket.getPeerCertificate()`), and what a session middleware has
   * put on it. The library does not keep it after the handshake. Over HTTP/2 it is an `http2.Http2ServerRequest`, which has the same
   * properties, and its `stream`.
   */
  readonly raw: IncomingMessage;
  /** The client's address. Behind a proxy it is the proxy's address, unless `trustProxy` names the proxy as trusted. */
  readonly remoteAddress: string;
}

/** A request as a rule for origins gets it. */
export interface RelayedRequest extends ConnectionRequest {
  /** Whether a trusted proxy has sent it: then its headers say which host the client asked for. Undefined: no. */
  readonly isFromTrustedProxy?: boolean;
}

/** A request as the server keeps it. */
export interface ReceivedRequest extends RelayedRequest {
  /** What the application gave to `handleUpgrade`. */
  readonly context?: unknown;
  /** Whether the client has reset its connection. Then its address is unknown, and no answer can reach it. */
  readonly isGone: boolean;
}
