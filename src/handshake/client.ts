import {
  type DeflateAgreement,
  type DeflatePolicy,
  offerDeflate,
  readDeflateResponse,
} from "../compression/negotiation.ts";
import { extensionsText, readExtensions, serializeExtensions } from "./rules/extensions.ts";
import type { HandshakeHeaders } from "./rules/headers.ts";
import { acceptKey } from "./rules/key.ts";
import { hasToken } from "./rules/tokens.ts";

/** What a client asks for in its opening handshake. */
export interface ClientHandshake {
  /** The key: base64 of 16 random bytes (RFC 6455 4.1). */
  readonly key: string;
  /** The subprotocols that are offered. */
  readonly protocols: readonly string[];
  /** How it would compress; undefined: it offers no compression. */
  readonly deflate: DeflatePolicy | undefined;
}

/** The answer of a server with the status 101. */
export interface HandshakeResponse {
  /** The version of HTTP, e.g. "1.1". */
  readonly httpVersion: string;
  /** Its headers. */
  readonly headers: HandshakeHeaders;
}

/** What client and server agreed on. */
export interface AgreedHandshake {
  /** The subprotocol that the server has chosen; undefined: none. */
  readonly protocol: string | undefined;
  /** What was agreed about compression; undefined: nothing. */
  readonly deflate: DeflateAgreement | undefined;
  /** The extensions as the answer had them; "": none. */
  readonly extensions: string;
}

const VERSION = ["Sec-WebSocket-Version", "13"] as const;

/** The headers of the opening handshake over HTTP/1.1, names and values in turn (RFC 6455 4.1). */
export function handshakeHeaders(offer: ClientHandshake): string[] {
  const upgrade = ["Connection", "Upgrade", "Upgrade", "websocket"];
  return [...upgrade, ...VERSION, "Sec-WebSocket-Key", offer.key, ...choicesOf(offer)];
}

/** The same over HTTP/2, which needs neither an upgrade nor a key (RFC 8441 5). */
export function offerHeaders(offer: ClientHandshake): string[] {
  return [...VERSION, ...choicesOf(offer)];
}

function choicesOf({ protocols, deflate }: ClientHandshake): string[] {
  const headers: string[] = [];
  if (protocols.length > 0) headers.push("Sec-WebSocket-Protocol", protocols.join(", "));
  if (deflate !== undefined) headers.push("Sec-WebSocket-Extensions", serializeExtensions([offerDeflate(deflate)]));
  return headers;
}

/**
 * Checks the answer of a server (RFC 6455 4.1, the client's requirements). An answer 101 has no body: any `Transfer-Encoding` is refused, and
 * any `Content-Length` other than 0 (RFC 9110 8.6, RFC 9112 6.1). Its bytes would be taken for frames.
 *
 * @returns what was agreed, or a text that says why the handshake has failed
 */
export function checkResponse(
  { httpVersion, headers }: HandshakeResponse,
  offer: ClientHandshake,
): AgreedHandshake | string {
  if (httpVersion !== "1.1") return `HTTP/${httpVersion}`;
  if (headers.single("upgrade")?.toLowerCase() !== "websocket") return "Upgrade is not websocket";
  if (!hasToken(headers.single("connection"), "upgrade")) return "Connection is not Upgrade";
  if (headers.single("sec-websocket-accept") !== acceptKey(offer.key)) return "Sec-WebSocket-Accept is wrong";
  if (headers.list("transfer-encoding") !== undefined) return "101 with Transfer-Encoding";
  if ((headers.list("content-length") ?? "0") !== "0") return "101 with Content-Length";
  return checkChoices(headers, offer);
}

/**
 * Checks what a server has chosen of what was offered. Over HTTP/2 this is all there is to check (RFC 8441 5).
 *
 * @returns what was agreed, or a text that says why the handshake has failed
 */
export function checkChoices(headers: HandshakeHeaders, offer: ClientHandshake): AgreedHandshake | string {
  const chosen = headers.list("sec-websocket-protocol");
  const protocolError = checkProtocol(chosen, offer.protocols);
  if (protocolError !== undefined) return protocolError;
  const extensions = readExtensions(headers.list("sec-websocket-extensions"));
  if (extensions === undefined) return "Sec-WebSocket-Extensions is malformed";
  if (offer.deflate === undefined)
    return extensions.length === 0
      ? { protocol: chosen, deflate: undefined, extensions: "" }
      : "the server chose an extension, and none was offered";
  const deflate = readDeflateResponse(extensions, offer.deflate);
  return typeof deflate === "string" ? deflate : { protocol: chosen, deflate, extensions: extensionsText(extensions) };
}

/** RFC 6455 4.1 leaves it to the client whether a server must choose one that was offered: browsers want it. */
function checkProtocol(chosen: string | undefined, offered: readonly string[]): string | undefined {
  if (chosen === undefined)
    return offered.length === 0 ? undefined : "the server chose none of the offered subprotocols";
  return offered.includes(chosen) ? undefined : "the server chose a subprotocol that was not offered";
}
