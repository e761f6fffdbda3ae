import type { Duplex } from "node:stream";

import { respondRefused } from "./http2-response.ts";
import { isServerStream } from "./http2-stream.ts";
import type { HandshakeAnswer } from "./offer.ts";
import { type Refusal, nameOfStatus } from "./refusal.ts";
import { checkedAcceptHeaders, serializeHeaders } from "./response-headers.ts";
import { serializeExtensions } from "./rules/extensions.ts";

/** Keeps a socket open for a while, so that the client can read its last answer, and then destroys it. */
export type Linger = (socket: Duplex) => void;

/**
 * The 101 answer (RFC 6455 4.2.2), as latin1 text.
 *
 * @param acceptKey the value of `Sec-WebSocket-Accept`
 * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
 */
export function switchingProtocols(acceptKey: string, { protocol, extensions, headers }: HandshakeAnswer): string {
  let chosen = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  if (extensions !== undefined && extensions.length > 0)
    chosen += `Sec-WebSocket-Extensions: ${serializeExtensions(extensions)}\r\n`;
  if (headers !== undefined) chosen += serializeHeaders(checkedAcceptHeaders(headers));
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey}\r\n${chosen}\r\n`;
}

/** Whether a refusal can be sent: neither has the client reset its connection, nor has anybody ended the socket. */
export function canAnswer(socket: Duplex): boolean {
  return !socket.destroyed && !socket.writableEnded;
}

/**
 * Answers with an HTTP status and one line of text, then closes the socket.
 *
 * @param method the request's method, if it is known: the answer to HEAD has no body (RFC 9110 9.3.2)
 * @param linger is called when the answer was written
 */
export function sendRefusal(socket: Duplex, refusal: Refusal, method: string | undefined, linger: Linger): void {
  if (!canAnswer(socket)) return;
  socket.on("error", () => socket.destroy());
  // Data that still arrives is read and dropped. Otherwise the client would get a reset instead of the answer.
  socket.resume();
  try {
    if (isServerStream(socket)) respondRefused(socket, refusal);
    else endWith(socket, refusal, method);
  } finally {
    linger(socket);
  }
}

function endWith(socket: Duplex, refusal: Refusal, method: string | undefined): void {
  socket.once("end", () => socket.destroy());
  const { head, body } = serializeRefusal(refusal);
  socket.end(method === "HEAD" ? head : head + body, "utf8");
}

/** The `Connection` header of a refusal. RFC 9110 7.8: an answer with `Upgrade` names it in `Connection`. */
export function connectionHeader(refusal: Refusal): string {
  return refusal.status === 426 ? "Upgrade, close" : "close";
}

function serializeRefusal(refusal: Refusal): { readonly head: string; readonly body: string } {
  const body = `${refusal.body}\n`;
  let head = `HTTP/1.1 ${String(refusal.status)} ${nameOfStatus(refusal.status)}\r\nConnection: ${connectionHeader(refusal)}\r\n`;
  head += serializeHeaders(refusal.headers);
  const hasType = Object.keys(refusal.headers).some((name) => name.toLowerCase() === "content-type");
  if (!hasType) head += "Content-Type: text/plain; charset=utf-8\r\n";
  head += `Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n`;
  return { head, body };
}
