import { attempt } from "../util/attempt.ts";

/** Cookies by name. The object has no prototype. */
export type Cookies = Readonly<Record<string, string | undefined>>;

/**
 * Reads the header `Cookie` (RFC 6265 4.2.1). Of a name that comes twice the first counts: browsers send the cookie with the
 * longest path first. Values are without quotes, and decoded if they have `%`.
 */
export function readCookies(header: string | undefined): Cookies {
  const cookies = Object.create(null) as Record<string, string>;
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at > 0 && name !== "" && !(name in cookies)) cookies[name] = decode(unquoted(pair.slice(at + 1).trim()));
  }
  return cookies;
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function decode(value: string): string {
  return value.includes("%") ? (attempt(() => decodeURIComponent(value)) ?? value) : value;
}
