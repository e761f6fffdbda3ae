import { isToken, listElements } from "./tokens.ts";

/** What most clients offer: no subprotocol. */
const NONE: readonly string[] = Object.freeze([]);

/**
 * Reads `Sec-WebSocket-Protocol`. RFC 6455 4.1: its elements are tokens, each of them once. An empty header counts as absent.
 *
 * @param header undefined when the header was not sent
 * @returns undefined when the header breaks the grammar, which fails the handshake
 */
export function readSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return NONE;
  const protocols = listElements(header);
  // React Native and older versions of Deno send it empty when they offer none.
  if (protocols.length === 0) return NONE;
  const isValid = new Set(protocols).size === protocols.length && protocols.every(isToken);
  return isValid ? protocols : undefined;
}
