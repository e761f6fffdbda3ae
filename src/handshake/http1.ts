import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { type Bytes, asBytes } from "../protocol/bytes.ts";
import { parseExtensions } from "./extensions.ts";
import { acceptKey, isKey } from "./key.ts";
import type { Offer } from "./offer.ts";
import type { OriginRule } from "./origin.ts";
import { Refusal } from "./refusal.ts";
import { type ConnectionRequest, NodeRequest, parseTarget } from "./request.ts";
import { sendRefusal, switchingProtocols } from "./response.ts";
import { hasToken, isToken, listElements } from "./tokens.ts";

/** What a handshake is held against. */
export interface HandshakeRules {
  /** Which browsers may connect. */
  readonly originRule: OriginRule;
  /** Bytes that target and headers may have together. */
  readonly maxHeaderSize: number;
}

/** How many headers Node keeps of a request, unless `server.maxHeadersCount` says otherwise; 0: all. */
const NODE_HEADERS = 1000;

/** The headers of a 426: what we speak (RFC 6455 4.4, RFC 9110 15.5.22). */
export const UPGRADE_HEADERS = { Upgrade: "websocket", "Sec-WebSocket-Version": "13" } as const;

/** Reads an HTTP/1.1 opening handshake: an offer to be answered, or the refusal it has earned (RFC 6455 4.2.1). */
export function readHttp1(
  message: IncomingMessage,
  socket: Duplex,
  head: Bytes,
  rules: HandshakeRules,
): Offer | Refusal {
  if (mayBeCut(message) || headerBytes(message) > rules.maxHeaderSize)
    return new Refusal(431, "The request's headers are too large.");
  const request = new NodeRequest(message);
  const refusal = checkRequest(message, request) ?? checkOrigin(request, rules.originRule);
  if (refusal !== undefined) return refusal;
  const protocols = readProtocols(request);
  if (protocols instanceof Refusal) return protocols;
  const key = one(request, "sec-websocket-key") ?? "";
  freeSocket(socket);
  return {
    request,
    protocols,
    accept: (protocol) => ({
      stream: socket,
      preamble: asBytes(Buffer.from(switchingProtocols(acceptKey(key), protocol), "latin1")),
      head,
    }),
    refuse: (refused) => {
      sendRefusal(socket, refused);
    },
  };
}

/** Takes off a socket what was set for HTTP: a timeout that frames do not know of, and waiting for more to send. */
function freeSocket(socket: Duplex & Partial<Pick<Socket, "setTimeout" | "setNoDelay">>): void {
  socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
}

/** RFC 6455 4.2.1, in its order. */
function checkRequest(message: IncomingMessage, request: ConnectionRequest): Refusal | undefined {
  if (message.method !== "GET") return new Refusal(405, "A WebSocket is opened with GET.", { Allow: "GET" });
  if (message.httpVersion !== "1.1") return bad("A WebSocket needs HTTP/1.1.");
  if (parseTarget(request.url) === undefined) return bad("The request's target is not a path.");
  if (one(request, "host") === undefined) return bad("A request has exactly one Host header.");
  if (!hasToken(all(request, "upgrade"), "websocket"))
    return new Refusal(426, "This is a WebSocket server.", UPGRADE_HEADERS);
  if (!hasToken(all(request, "connection"), "upgrade")) return bad("The Connection header does not name upgrade.");
  if (hasBody(request)) return bad("A WebSocket request has no body.");
  if (one(request, "sec-websocket-version") !== "13")
    return new Refusal(426, "Only version 13 of WebSocket is spoken here.", UPGRADE_HEADERS);
  if (!isKey(one(request, "sec-websocket-key") ?? "")) return bad("Sec-WebSocket-Key is not 16 bytes as base64.");
  if (!isExtensions(all(request, "sec-websocket-extensions"))) return bad("Sec-WebSocket-Extensions is malformed.");
  return undefined;
}

function checkOrigin(request: ConnectionRequest, rule: OriginRule): Refusal | undefined {
  const origin = all(request, "origin");
  // Only browsers send it (RFC 6455 10.2), and they cannot leave it out.
  if (origin === undefined || rule(origin, request)) return undefined;
  return new Refusal(403, "Pages of this origin may not connect.");
}

/** The subprotocols on offer. RFC 6455 4.1: tokens, each once, and at least one where the header is there. */
function readProtocols(request: ConnectionRequest): string[] | Refusal {
  const header = all(request, "sec-websocket-protocol");
  if (header === undefined) return [];
  const protocols = listElements(header);
  const wellFormed = protocols.length > 0 && new Set(protocols).size === protocols.length && protocols.every(isToken);
  return wellFormed ? protocols : bad("Sec-WebSocket-Protocol is malformed.");
}

/** RFC 6455 9.1: what is not in the grammar fails the handshake, and so does a header without an extension in it. */
function isExtensions(header: string | undefined): boolean {
  return header === undefined || (parseExtensions(header)?.length ?? 0) > 0;
}

/** RFC 9110: a request with a body is no upgrade; what follows would be read as frames (request smuggling). */
function hasBody(request: ConnectionRequest): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/**
 * True when Node may have left headers out, which it does silently: an `Origin` or a `Content-Length` behind a thousand
 * others would not be seen.
 */
function mayBeCut(message: IncomingMessage): boolean {
  const { server } = message.socket as Partial<Record<"server", { maxHeadersCount?: number | null }>>;
  const most = server?.maxHeadersCount ?? NODE_HEADERS;
  return most !== 0 && message.rawHeaders.length >= most * 2;
}

function headerBytes(message: IncomingMessage): number {
  let bytes = (message.url ?? "").length;
  // ": " and the line's end.
  for (const text of message.rawHeaders) bytes += text.length + 2;
  return bytes;
}

/** A header that must not come twice. */
function one(request: ConnectionRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** A list header, which may come in several lines (RFC 9110 5.3). */
function all(request: ConnectionRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" || value === undefined ? value : value.join(", ");
}

function bad(why: string): Refusal {
  return new Refusal(400, why);
}
