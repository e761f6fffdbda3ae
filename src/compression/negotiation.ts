import type { Extension } from "../protocol/extension.ts";

/** The extension's name (RFC 7692 7). */
export const PERMESSAGE_DEFLATE = "permessage-deflate";

/** The largest window of DEFLATE, as a logarithm. */
const MAX_WINDOW_BITS = 15;

/** The smallest window that zlib can compress with. RFC 7692 also knows 8. */
export const MIN_WINDOW_BITS = 9;

/** What both sides agreed on (RFC 7692 7.1). */
export interface DeflateAgreement {
  /** The server compresses each message by itself (RFC 7692 7.1.1.1). */
  readonly serverNoContextTakeover: boolean;
  /** The client compresses each message by itself (RFC 7692 7.1.1.2). */
  readonly clientNoContextTakeover: boolean;
  /** The largest window that the server compresses with, as a logarithm (RFC 7692 7.1.2.1). */
  readonly serverMaxWindowBits: number;
  /** The largest window that the client compresses with, as a logarithm (RFC 7692 7.1.2.2). */
  readonly clientMaxWindowBits: number;
}

/** How this side wants to compress. */
export interface DeflatePolicy {
  /** The logarithm of the window's size: 9 to 15. */
  readonly windowBits: number;
  /** Whether messages may refer to those before them. */
  readonly contextTakeover: boolean;
}

/** The answer to an offer. */
export interface AcceptedDeflate {
  /** What is agreed on. */
  readonly agreement: DeflateAgreement;
  /** The extension as it is sent in the response. */
  readonly response: Extension;
}

/** The parameters of one `permessage-deflate`; a window without a value is `true`. */
interface Parameters {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number | true;
  client_max_window_bits?: number | true;
}

/**
 * Chooses the first acceptable offer of `permessage-deflate`: a client lists them in the order of its preference (RFC 7692 5).
 * Other extensions are ignored. An invalid offer is declined, and the next one is looked at (RFC 7692 7).
 *
 * The server asks each client to compress each message by itself, so that one inflater serves all connections. A client's
 * `client_max_window_bits` needs no answer: the inflater has the largest window.
 *
 * @returns undefined if no offer is acceptable: the connection goes on without compression
 */
export function acceptDeflate(offers: readonly Extension[], policy: DeflatePolicy): AcceptedDeflate | undefined {
  for (const offer of offers) {
    if (offer.name !== PERMESSAGE_DEFLATE) continue;
    const parameters = parametersOf(offer);
    if (typeof parameters === "string") continue;
    const { server_max_window_bits: offered = MAX_WINDOW_BITS } = parameters;
    // Without a value it is invalid (RFC 7692 7.1.2.1). zlib cannot keep to a window of 8.
    if (offered === true || offered < MIN_WINDOW_BITS) continue;
    const agreement: DeflateAgreement = {
      serverNoContextTakeover: !policy.contextTakeover || parameters.server_no_context_takeover === true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: Math.min(offered, policy.windowBits),
      clientMaxWindowBits: MAX_WINDOW_BITS,
    };
    const answer: [string, string | true][] = [];
    if (agreement.serverNoContextTakeover) answer.push(["server_no_context_takeover", true]);
    answer.push(["client_no_context_takeover", true]);
    if (parameters.server_max_window_bits !== undefined)
      answer.push(["server_max_window_bits", String(agreement.serverMaxWindowBits)]);
    return { agreement, response: { name: PERMESSAGE_DEFLATE, parameters: answer } };
  }
  return undefined;
}

/**
 * The offer of a client. It asks the server to compress each message by itself, so that one inflater serves all connections.
 * Without context takeover it says so: then the server needs no window for it (RFC 7692 7.1.1.2).
 */
export function offerDeflate(policy: DeflatePolicy): Extension {
  const parameters: [string, true][] = [["server_no_context_takeover", true]];
  if (!policy.contextTakeover) parameters.push(["client_no_context_takeover", true]);
  parameters.push(["client_max_window_bits", true]);
  return { name: PERMESSAGE_DEFLATE, parameters };
}

/**
 * Reads the extensions of a server's response to `offerDeflate(policy)`, the only extension that was offered.
 *
 * @returns undefined if the server chose none; a text that says what is wrong if the handshake must be failed (RFC 7692 5)
 */
export function readDeflateResponse(
  extensions: readonly Extension[],
  policy: DeflatePolicy,
): DeflateAgreement | string | undefined {
  const [extension, second] = extensions;
  if (extension === undefined) return undefined;
  for (const { name } of extensions)
    if (name !== PERMESSAGE_DEFLATE) return `the server chose an extension that was not offered: ${name}`;
  if (second !== undefined) return `the server chose ${PERMESSAGE_DEFLATE} twice`;
  const parameters = parametersOf(extension);
  if (typeof parameters === "string") return parameters;
  const { server_max_window_bits: server = MAX_WINDOW_BITS, client_max_window_bits: client = MAX_WINDOW_BITS } =
    parameters;
  if (server === true) return "server_max_window_bits has no value";
  if (client === true) return "client_max_window_bits has no value in a response";
  // RFC 7692 7.1.1.1: a server that accepts the offer includes it. The inflater keeps no history.
  if (parameters.server_no_context_takeover === undefined)
    return "server_no_context_takeover was offered and is missing";
  return {
    serverNoContextTakeover: true,
    clientNoContextTakeover: !policy.contextTakeover || parameters.client_no_context_takeover === true,
    serverMaxWindowBits: server,
    clientMaxWindowBits: Math.min(client, policy.windowBits),
  };
}

/** The parameters of an offer or a response, or a text that says what is invalid in both. */
function parametersOf({ parameters }: Extension): Parameters | string {
  const result: Parameters = {};
  for (const [name, value] of parameters) {
    if (Object.hasOwn(result, name)) return `${name} came twice`;
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== true) return `${name} has a value`;
        result[name] = true;
        break;
      case "server_max_window_bits":
      case "client_max_window_bits":
        // RFC 7692 7.1.2: a decimal integer from 8 to 15 without leading zeroes.
        if (value !== true && !/^(?:[89]|1[0-5])$/.test(value)) return `${name} has an invalid value`;
        result[name] = value === true || Number(value);
        break;
      default:
        return `unknown parameter: ${name}`;
    }
  }
  return result;
}
