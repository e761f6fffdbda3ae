import { InvalidArgumentError } from "../../errors/errors.ts";
import type { Extension } from "../../protocol/extension.ts";
import { isToken, splitUnquoted } from "./tokens.ts";

/** No extension: what most connections have. */
export const NO_EXTENSIONS: readonly Extension[] = Object.freeze([]);

/** More extensions or parameters than any client offers. A header with more is refused. */
const MAX_ITEMS = 64;

/**
 * Reads `Sec-WebSocket-Extensions`. RFC 6455 9.1: a header that is sent has at least one extension.
 *
 * @param header undefined when the header was not sent
 * @returns undefined when the header breaks the grammar, which fails the handshake
 */
export function readExtensions(header: string | undefined): readonly Extension[] | undefined {
  if (header === undefined) return NO_EXTENSIONS;
  const extensions = parseExtensions(header);
  return extensions === undefined || extensions.length === 0 ? undefined : extensions;
}

/**
 * The value of `Sec-WebSocket-Extensions` for these extensions.
 *
 * @throws {InvalidArgumentError} for a name or a value that is not a token
 */
export function serializeExtensions(extensions: readonly Extension[]): string {
  return extensions
    .map(({ name, parameters }) => [token(name), ...parameters.map(serializeParameter)].join("; "))
    .join(", ");
}

/** The texts of `extensionsText`: there are few, and each connection keeps one. */
const texts = new Map<string, string>();

/** The same for extensions that a server has agreed to, as one text for all connections; "" for none. */
export function extensionsText(extensions: readonly Extension[]): string {
  if (extensions.length === 0) return "";
  const text = serializeExtensions(extensions);
  const known = texts.get(text);
  if (known === undefined) texts.set(text, text);
  return known ?? text;
}

function serializeParameter([name, value]: Extension["parameters"][number]): string {
  return value === true ? token(name) : `${token(name)}=${token(value)}`;
}

function token(text: string): string {
  if (!isToken(text)) throw new InvalidArgumentError(`extensions: expected a token, got ${JSON.stringify(text)}`);
  return text;
}

/** Parses the value of `Sec-WebSocket-Extensions`. Undefined when it breaks the grammar (RFC 6455 9.1). */
export function parseExtensions(value: string): Extension[] | undefined {
  const extensions: Extension[] = [];
  for (const element of splitUnquoted(value, ",")) {
    if (element.trim() === "") continue;
    const [name = "", ...rest] = splitUnquoted(element, ";").map((part) => part.trim());
    const parameters = rest.map(parseParameter);
    if (!isToken(name) || parameters.includes(undefined)) return undefined;
    extensions.push({ name, parameters: parameters as [string, string | true][] });
    if (extensions.length > MAX_ITEMS || parameters.length > MAX_ITEMS) return undefined;
  }
  return extensions;
}

function parseParameter(text: string): [string, string | true] | undefined {
  const at = text.indexOf("=");
  if (at < 0) return isToken(text) ? [text, true] : undefined;
  const name = text.slice(0, at).trim();
  const value = unquote(text.slice(at + 1).trim());
  // RFC 6455 9.1: without its quotes, a quoted value must be a token too.
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
