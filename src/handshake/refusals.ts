import { Refusal } from "./refusal.ts";

/** The headers of a 426: what this server speaks (RFC 6455 4.4, RFC 9110 15.5.22). */
const UPGRADE_HEADERS = { Upgrade: "websocket", "Sec-WebSocket-Version": "13" } as const;

/** The request is not an upgrade to WebSocket. */
export const UPGRADE_REQUIRED = new Refusal(426, "This is a WebSocket server.", UPGRADE_HEADERS, "version");

/** The request has another version of the WebSocket protocol (RFC 6455 4.4). */
export const VERSION_NOT_SUPPORTED = new Refusal(
  426,
  "Only version 13 of WebSocket is spoken here.",
  UPGRADE_HEADERS,
  "version",
);

/** The request's method is not GET. */
export const METHOD_NOT_ALLOWED = new Refusal(405, "A WebSocket is opened with GET.", { Allow: "GET" }, "method");

/** An extended CONNECT asks for another protocol than `websocket` (RFC 9220 3). */
export const PROTOCOL_NOT_SPOKEN = new Refusal(501, "Of other protocols only WebSocket is spoken here.", {}, "method");

/** The same as `VERSION_NOT_SUPPORTED` over HTTP/2, which has no upgrade that 426 could ask for. */
export const VERSION_NOT_SPOKEN = new Refusal(
  400,
  "Only version 13 of WebSocket is spoken over HTTP/2 too.",
  { "Sec-WebSocket-Version": "13" },
  "version",
);

/** A request over HTTP/2 is no extended CONNECT, and there is no application for it. */
export const CONNECT_REQUIRED = new Refusal(400, "Only WebSockets are served here.", {}, "version");

/** The request does not name exactly one host (RFC 9112 3.2). */
export const HOST_REQUIRED = badRequest("A request has exactly one Host header.");

/** The request's target and headers exceed `maxHeaderSize` (RFC 6585 5). */
export const HEADERS_TOO_LARGE = new Refusal(431, "The request's headers are too large.", {}, "headers");

/** The `origins` option does not allow the request's `Origin`. */
export const ORIGIN_NOT_ALLOWED = new Refusal(403, "Pages of this origin may not connect.", {}, "origin");

/** No WebSocket server has the request's path. */
export const PATH_NOT_FOUND = new Refusal(404, "There is no WebSocket at this path.", {}, "path");

/** The handshake was sent before earlier requests on its connection were answered (RFC 9112 9.3.2). */
export const PIPELINED = badRequest("A handshake is sent after the answers to earlier requests.");

/** A callback of the user failed. The text of its error is not sent to the client. */
export const INTERNAL_ERROR = new Refusal(500, "The server failed.", {}, "error");

/** The request breaks a rule of the opening handshake (RFC 6455 4.2.1). */
export function badRequest(reason: string): Refusal {
  return new Refusal(400, reason, {}, "malformed");
}
