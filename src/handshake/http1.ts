import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Bytes } from "../protocol/bytes.ts";
import { parseExtensions } from "./rules/extensions.ts";
import { HandshakeHeaders } from "./rules/headers.ts";
import { acceptKey, isKey } from "./rules/key.ts";
import type { AddressRule } from "./forwarded-address.ts";
import type { HandshakeOffer } from "./offer.ts";
import type { OriginRule } from "./rules/origin.ts";
import { Refusal } from "./refusal.ts";
import { type ConnectionRequest, NodeRequest, parseTarget } from "./request.ts";
import { sendRefusal, switchingProtocols } from "./response.ts";
import { hasToken, isToken, listElements } from "./rules/tokens.ts";

/** What most clients offer: no subprotocol. */
const NONE: readonly string[] = Object.freeze([]);

/** What a handshake is held against. */
export interface HandshakeRules {
  /** Which browsers may connect. */
  readonly originRule: OriginRule;
  /** Whom proxies connect for; undefined: no proxy is believed. */
  readonly addressRule: AddressRule | undefined;
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
): HandshakeOffer | Refusal {
  const fields = new HandshakeHeaders(message.rawHeaders);
  if (mayBeCut(message) || (message.url ?? "").length + fields.byteLength > rules.maxHeaderSize)
    return new Refusal(431, "The request's headers are too large.");
  const refusal = checkRequest(message, fields);
  if (refusal !== undefined) return refusal;
  const request = new NodeRequest(message, rules.addressRule);
  if (!mayComeFrom(fields.list("origin"), request, rules.originRule))
    return new Refusal(403, "Pages of this origin may not connect.");
  const protocols = readProtocols(fields.list("sec-websocket-protocol"));
  if (protocols instanceof Refusal) return protocols;
  const key = fields.single("sec-websocket-key") ?? "";
  freeSocket(socket);
  return {
    request,
    protocols,
    captureAddress: () => {
      request.captureAddress();
    },
    accept: (protocol) => ({
      stream: socket,
      preamble: switchingProtocols(acceptKey(key), protocol),
      head,
    }),
    refuse: (refused) => {
      sendRefusal(socket, refused, message.method);
    },
  };
}

/** Takes off a socket what was set for HTTP: a timeout that frames do not know of, and waiting for more to send. */
function freeSocket(socket: Duplex & Partial<Pick<Socket, "timeout" | "setTimeout" | "setNoDelay">>): void {
  // Most sockets have no timeout; of something else that is none it is not known.
  if (!(socket instanceof Socket) || (socket.timeout ?? 0) > 0) socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
}

/** RFC 6455 4.2.1, in its order. */
function checkRequest(message: IncomingMessage, fields: HandshakeHeaders): Refusal | undefined {
  if (message.method !== "GET") return new Refusal(405, "A WebSocket is opened with GET.", { Allow: "GET" });
  if (message.httpVersion !== "1.1") return bad("A WebSocket needs HTTP/1.1.");
  if (parseTarget(message.url ?? "/") === undefined) return bad("The request's target is not a path.");
  if (fields.single("host") === undefined) return bad("A request has exactly one Host header.");
  if (!hasToken(fields.list("upgrade"), "websocket"))
    return new Refusal(426, "This is a WebSocket server.", UPGRADE_HEADERS);
  if (!hasToken(fields.list("connection"), "upgrade")) return bad("The Connection header does not name upgrade.");
  if (hasBody(fields)) return bad("A WebSocket request has no body.");
  if (fields.single("sec-websocket-version") !== "13")
    return new Refusal(426, "Only version 13 of WebSocket is spoken here.", UPGRADE_HEADERS);
  if (!isKey(fields.single("sec-websocket-key") ?? "")) return bad("Sec-WebSocket-Key is not 16 bytes as base64.");
  if (!isExtensions(fields.list("sec-websocket-extensions"))) return bad("Sec-WebSocket-Extensions is malformed.");
  return undefined;
}

/** Only browsers send an origin (RFC 6455 10.2), and they cannot leave it out. */
function mayComeFrom(origin: string | undefined, request: ConnectionRequest, rule: OriginRule): boolean {
  return origin === undefined || rule(origin, request);
}

/** The subprotocols on offer. RFC 6455 4.1: tokens, each once, and at least one where the header is there. */
function readProtocols(header: string | undefined): readonly string[] | Refusal {
  if (header === undefined) return NONE;
  const protocols = listElements(header);
  const wellFormed = protocols.length > 0 && new Set(protocols).size === protocols.length && protocols.every(isToken);
  return wellFormed ? protocols : bad("Sec-WebSocket-Protocol is malformed.");
}

/** RFC 6455 9.1: what is not in the grammar fails the handshake, and so does a header without an extension in it. */
function isExtensions(header: string | undefined): boolean {
  return header === undefined || (parseExtensions(header)?.length ?? 0) > 0;
}

/** RFC 9110: a request with a body is no upgrade; what follows would be read as frames (request smuggling). */
function hasBody(fields: HandshakeHeaders): boolean {
  const length = fields.list("content-length");
  return fields.list("transfer-encoding") !== undefined || (length !== undefined && length !== "0");
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

function bad(why: string): Refusal {
  return new Refusal(400, why);
}
