import { isToken } from "./tokens.ts";

/** One extension that a client offers (RFC 6455 9.1). */
export interface ExtensionOffer {
  /** The extension's name, a token. */
  readonly name: string;
  /** Its parameters in order; a parameter without a value has `true`. */
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

/** More extensions or parameters than anyone offers: what is beyond is refused. */
const MAX_ITEMS = 64;

/** Splits at `separator`, but not inside a quoted string: one pass over the text. */
function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") i++;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Reads `Sec-WebSocket-Extensions`. Undefined when it breaks the grammar, which fails the handshake (RFC 6455 9.1). */
export function parseExtensions(value: string): ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = [];
  for (const element of splitUnquoted(value, ",")) {
    if (element.trim() === "") continue;
    const [name = "", ...rest] = splitUnquoted(element, ";").map((part) => part.trim());
    const parameters = rest.map(parseParameter);
    if (!isToken(name) || parameters.includes(undefined)) return undefined;
    offers.push({ name, parameters: parameters as [string, string | true][] });
    if (offers.length > MAX_ITEMS || parameters.length > MAX_ITEMS) return undefined;
  }
  return offers;
}

function parseParameter(text: string): [string, string | true] | undefined {
  const at = text.indexOf("=");
  if (at < 0) return isToken(text) ? [text, true] : undefined;
  const name = text.slice(0, at).trim();
  const value = unquote(text.slice(at + 1).trim());
  // RFC 6455 9.1: a quoted value must be a token too once it is unquoted.
  return isToken(name) && value !== undefined && isToken(value) ? [name, value] : undefined;
}

function unquote(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  if (text.length < 2 || !text.endsWith('"')) return undefined;
  let value = "";
  for (let i = 1; i < text.length - 1; i++) {
    if (text[i] === "\\") i++;
    value += text[i] ?? "";
  }
  return value;
}
