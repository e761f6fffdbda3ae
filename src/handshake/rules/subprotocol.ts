import { isToken, listElements } from "./tokens.ts";

/** What most clients offer: no subprotocol. */
const NONE: readonly string[] = Object.freeze([]);

/**
 * Reads `Sec-WebSocket-Protocol`. RFC 6455 4.1: its elements are tokens, each of them once, and at least one.
 *
 * @param header undefined when the header was not sent
 * @returns undefined when the header breaks the grammar, which fails the handshake
 */
export function readSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return NONE;
  const protocols = listElements(header);
  const isValid = protocols.length > 0 && new Set(protocols).size === protocols.length && protocols.every(isToken);
  return isValid ? protocols : undefined;
}
