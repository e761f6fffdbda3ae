import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

import type { HandshakeAnswer } from "./offer.ts";
import type { Refusal } from "./refusal.ts";
import { type ResponseHeaders, checkedAcceptHeaders } from "./response-headers.ts";
import { closeWhenSent } from "./http2-stream.ts";
import { serializeExtensions } from "./rules/extensions.ts";

/** HTTP/2 has no such headers: they are about one connection of HTTP/1.1 (RFC 9113 8.2.2). */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Accepts an extended CONNECT (RFC 8441 5): a status of 200 opens the WebSocket.
 *
 * @param acceptKey the value of `sec-websocket-accept`; undefined: the client has sent no key, and HTTP/2 needs none
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
 */
export function respondAccepted(
  stream: ServerHttp2Stream,
  acceptKey: string | undefined,
  { protocol, extensions, headers }: HandshakeAnswer,
): void {
  const answer: OutgoingHttpHeaders = headers === undefined ? {} : headersOf(checkedAcceptHeaders(headers));
  answer[":status"] = 200;
  if (acceptKey !== undefined) answer["sec-websocket-accept"] = acceptKey;
  if (protocol !== undefined) answer["sec-websocket-protocol"] = protocol;
  if (extensions !== undefined && extensions.length > 0)
    answer["sec-websocket-extensions"] = serializeExtensions(extensions);
  stream.respond(answer);
}

/** Answers with a status and one line of text, and ends the stream. */
export function respondRefused(stream: ServerHttp2Stream, refusal: Refusal): void {
  const headers = headersOf(refusal.headers);
  headers["content-type"] ??= "text/plain; charset=utf-8";
  headers[":status"] = refusal.status;
  closeWhenSent(stream);
  stream.respond(headers);
  stream.end(`${refusal.body}\n`);
}

/** The headers that HTTP/2 has, with names in lower case. Several values of one are a list in one line, but for cookies (RFC 9110 5.3). */
function headersOf(given: ResponseHeaders): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase();
    if (OF_CONNECTIONS.has(key)) continue;
    if (typeof value !== "object") headers[key] = value;
    else headers[key] = key === "set-cookie" ? [...value] : value.join(", ");
  }
  return headers;
}
