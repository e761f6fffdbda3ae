import type { Duplex } from "node:stream";

import { type Refusal, nameOfStatus } from "./refusal.ts";

/** A client has this many milliseconds to read its last answer before its socket is destroyed. */
const LINGER = 1000;

/** The 101 answer (RFC 6455 4.2.2), as latin1 text. */
export function switchingProtocols(accept: string, protocol: string | undefined): string {
  const chosen = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}\r\n`;
}

/**
 * Answers with an HTTP status and one line of text, then closes the socket.
 *
 * @param method that of the request, if it is known: the answer to HEAD has no body (RFC 9110 9.3.2)
 */
export function sendRefusal(socket: Duplex, refusal: Refusal, method: string | undefined): void {
  if (socket.destroyed || socket.writableEnded) return;
  socket.on("error", () => socket.destroy());
  linger(socket);
  // What still comes is read, so that the client gets the answer and not a reset.
  socket.once("end", () => socket.destroy());
  socket.resume();
  const { head, body } = serializeRefusal(refusal);
  socket.end(method === "HEAD" ? head : head + body, "utf8");
}

/** Destroys a socket whose client does not go, once it has had the time to read its last answer. */
export function linger(socket: Duplex): void {
  const deadline = setTimeout(() => socket.destroy(), LINGER).unref();
  socket.once("close", () => {
    clearTimeout(deadline);
  });
}

function serializeRefusal(refusal: Refusal): { readonly head: string; readonly body: string } {
  const body = `${refusal.body}\n`;
  // RFC 9110 7.8: an Upgrade header is named in Connection.
  const connection = refusal.status === 426 ? "Upgrade, close" : "close";
  let head = `HTTP/1.1 ${String(refusal.status)} ${nameOfStatus(refusal.status)}\r\nConnection: ${connection}\r\n`;
  const named = new Set<string>();
  for (const [name, value] of Object.entries(refusal.headers)) {
    named.add(name.toLowerCase());
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      head += `${name}: ${one}\r\n`;
  }
  if (!named.has("content-type")) head += "Content-Type: text/plain; charset=utf-8\r\n";
  head += `Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n`;
  return { head, body };
}
