import type { Refusal } from "../refusal.ts";
import { HOST_REQUIRED, METHOD_NOT_ALLOWED, UPGRADE_REQUIRED, VERSION_NOT_SUPPORTED, badRequest } from "../refusals.ts";
import type { HandshakeHeaders } from "./headers.ts";
import { isKey } from "./key.ts";
import { parseTarget } from "./target.ts";
import { hasToken } from "./tokens.ts";

/** The parts of an opening handshake's request that the rules read. An adapter for each HTTP version makes it. */
export interface HandshakeRequest {
  /** The version of HTTP, e.g. `"1.1"`. */
  readonly httpVersion: string;
  /** The method, e.g. `"GET"`. */
  readonly method: string | undefined;
  /** The request target: the path and the query, or an absolute URL. */
  readonly target: string;
  /** The host and port that the client asks for: the one `Host` header, or `:authority`. Undefined: none, or several. */
  readonly authority: string | undefined;
  /** The headers that the rules need. */
  readonly headers: HandshakeHeaders;
}

/** RFC 6455 4.2.1: over HTTP/1.1, the request is a GET. */
export function checkMethod({ method }: HandshakeRequest): Refusal | undefined {
  return method === "GET" ? undefined : METHOD_NOT_ALLOWED;
}

/** RFC 6455 4.2.1: an upgrade needs HTTP/1.1. */
export function checkHttpVersion({ httpVersion }: HandshakeRequest): Refusal | undefined {
  return httpVersion === "1.1" ? undefined : badRequest("A WebSocket needs HTTP/1.1.");
}

/** RFC 6455 4.2.1: the target is a path, or an absolute URL. */
export function checkTarget({ target }: HandshakeRequest): Refusal | undefined {
  return parseTarget(target) === undefined ? badRequest("The request's target is not a path.") : undefined;
}

/** RFC 3986 2: a URI is of printable ASCII. Over HTTP/1.1 Node refuses others; over HTTP/2 it does not. */
export function checkTargetCharacters({ target }: HandshakeRequest): Refusal | undefined {
  return /^[!-~]*$/.test(target) ? undefined : badRequest("The request's target is not of printable ASCII.");
}

/** RFC 6455 4.2.1: the request names the host. RFC 9112 3.2: a `/` or `?` in it would make another path of a URL that is put together. */
export function checkAuthority({ authority }: HandshakeRequest): Refusal | undefined {
  if (authority === undefined) return HOST_REQUIRED;
  return isAuthority(authority) ? undefined : badRequest("The Host header is not a host and a port.");
}

/** Whether a text has only what a host and a port may have (RFC 3986 3.2.2). It may be empty: then the server has one host. */
export function isAuthority(text: string): boolean {
  return /^[\w.~!$&'()*+,;=%:[\]-]*$/.test(text);
}

/** RFC 6455 4.2.1: over HTTP/1.1, `Upgrade` and `Connection` ask for a WebSocket. */
export function checkUpgrade({ headers }: HandshakeRequest): Refusal | undefined {
  if (!hasToken(headers.list("upgrade"), "websocket")) return UPGRADE_REQUIRED;
  if (hasToken(headers.list("connection"), "upgrade")) return undefined;
  return badRequest("The Connection header does not name upgrade.");
}

/** RFC 9110 6.4: an upgrade has no body. Otherwise the body would be read as frames (request smuggling). */
export function checkNoBody({ headers }: HandshakeRequest): Refusal | undefined {
  const length = headers.list("content-length");
  const hasBody = headers.list("transfer-encoding") !== undefined || (length !== undefined && length !== "0");
  return hasBody ? badRequest("A WebSocket request has no body.") : undefined;
}

/** RFC 6455 4.2.1 and 4.4: the version of the WebSocket protocol is 13. */
export function checkProtocolVersion({ headers }: HandshakeRequest): Refusal | undefined {
  return headers.single("sec-websocket-version") === "13" ? undefined : VERSION_NOT_SUPPORTED;
}

/** RFC 6455 4.2.1: over HTTP/1.1, there is one key, of 16 bytes. */
export function checkKey({ headers }: HandshakeRequest): Refusal | undefined {
  if (isKey(headers.single("sec-websocket-key") ?? "")) return undefined;
  return badRequest("Sec-WebSocket-Key is not 16 bytes as base64.");
}
