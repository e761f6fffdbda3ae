import type { Extension } from "../protocol/extension.ts";
import type { AddressRule } from "./forwarded-address.ts";
import { NodeRequest } from "./node-request.ts";
import type { Refusal } from "./refusal.ts";
import { ORIGIN_NOT_ALLOWED, badRequest } from "./refusals.ts";
import type { RawRequest, ReceivedRequest, RequestDetails } from "./request.ts";
import { NO_EXTENSIONS, readExtensions } from "./rules/extensions.ts";
import type { HandshakeHeaders } from "./rules/headers.ts";
import { type OriginRule, mayConnectFrom } from "./rules/origin.ts";
import { readSubprotocols } from "./rules/subprotocol.ts";

/** The server's settings that a handshake is checked against. */
export interface HandshakeRules {
  /** Decides which origins may connect. */
  readonly originRule: OriginRule;
  /** Which proxies are trusted; undefined: none. */
  readonly addressRule: AddressRule | undefined;
  /** Bytes that the target and the headers may have together. */
  readonly maxHeaderSize: number;
}

/** Who asks for a WebSocket, and what it offers. */
export interface Offered {
  /** What the client asked for. */
  readonly request: ReceivedRequest;
  /** The subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** The extensions that the client offers, in its order. */
  readonly extensions: readonly Extension[];
}

/** Whether a request has more bytes in its target and headers than it may have. */
export function isTooLarge({ url }: RawRequest, headers: HandshakeHeaders, { maxHeaderSize }: HandshakeRules): boolean {
  return (url ?? "").length + headers.byteLength > maxHeaderSize;
}

/** Reads what both versions of HTTP say in the same way (RFC 6455 4.2.1 and RFC 8441 5), or returns the refusal to be sent. */
export function readOffered(
  message: RawRequest,
  headers: HandshakeHeaders,
  rules: HandshakeRules,
  details: RequestDetails | undefined,
): Offered | Refusal {
  // A server may ignore what a client offers, and some clients send an empty or untidy header.
  const extensions = readExtensions(headers.list("sec-websocket-extensions")) ?? NO_EXTENSIONS;
  const request = new NodeRequest(message, rules.addressRule, details);
  if (!mayConnectFrom(headers.list("origin"), request, rules.originRule)) return ORIGIN_NOT_ALLOWED;
  const protocols = readSubprotocols(headers.list("sec-websocket-protocol"));
  if (protocols === undefined) return badRequest("Sec-WebSocket-Protocol is malformed.");
  return { request, protocols, extensions };
}
