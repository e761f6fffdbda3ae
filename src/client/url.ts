import { InvalidArgumentError } from "../errors/errors.ts";

/** `http:` and `https:` are taken for them, as the platform's class does. `ws+unix:` has the path of a socket (Node). */
const SCHEMES: Readonly<Record<string, string>> = { "http:": "ws:", "https:": "wss:" };

/** The schemes that can be dialed. */
const KNOWN: readonly string[] = ["ws:", "wss:", "ws+unix:", "wss+unix:"];

/**
 * Checks a URL.
 *
 * @param base the address of the page, to which a relative URL belongs
 * @throws {InvalidArgumentError} for a URL that cannot be dialed
 */
export function readUrl(given: unknown, base: string | undefined): URL {
  const text = typeof given === "string" ? given : given instanceof URL ? given.href : undefined;
  if (text === undefined) throw new InvalidArgumentError(`url: expected a string or a URL, got ${typeof given}`);
  const url = parse(text, base);
  if (url === undefined) throw new InvalidArgumentError(`url: expected a URL like "wss://host/path"`);
  const scheme = SCHEMES[url.protocol];
  // The setter of `protocol` refuses such a change.
  const mapped = scheme === undefined ? url : new URL(scheme + url.href.slice(url.protocol.length));
  if (!KNOWN.includes(mapped.protocol))
    throw new InvalidArgumentError(`url: expected ws:, wss:, http: or https:, got ${mapped.protocol}`);
  if (mapped.hash !== "" || text.endsWith("#")) throw new InvalidArgumentError("url: expected no fragment (#…)");
  return mapped;
}

function parse(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

/** A URL as it is shown: without user and password. */
export function shownUrl(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const shown = new URL(url);
  shown.username = shown.password = "";
  return shown.href;
}
