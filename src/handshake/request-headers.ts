/** The headers of which HTTP allows one (RFC 9110, and RFC 6455 11.3). Of several the first counts, as in Node. */
const SINGLE = [
  "age",
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "max-forwards",
  "origin",
  "proxy-authorization",
  "referer",
  "sec-websocket-key",
  "sec-websocket-version",
  "user-agent",
] as const;

/** The headers of which HTTP allows one: each is one string. */
export type SingleHeaders = Readonly<Partial<Record<(typeof SINGLE)[number], string>>>;

/**
 * The headers of a request. Their names are in lower case. A header of which HTTP allows one is a string; `cookie` has all lines,
 * joined by `; `. Any other that came several times has all its values, in order (4D). The object has no prototype.
 */
export type RequestHeaders = SingleHeaders & Readonly<Record<string, string | readonly string[] | undefined>>;

const single: ReadonlySet<string> = new Set(SINGLE);

/** Reads the headers of a request from their names and values in turn. */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  // Without a prototype, a header named `constructor` is like any other (GHSA-5v72-xg48-5rpm).
  const headers = Object.create(null) as Record<string, string | string[] | undefined>;
  for (let i = 0; i < raw.length; i += 2) addHeader(headers, (raw[i] ?? "").toLowerCase(), raw[i + 1] ?? "");
  return headers;
}

function addHeader(headers: Record<string, string | string[] | undefined>, name: string, value: string): void {
  const known = headers[name];
  if (known === undefined) headers[name] = value;
  // RFC 9113 8.2.3 and RFC 6265 5.4: cookies in several lines are one list.
  else if (name === "cookie") headers[name] = `${known as string}; ${value}`;
  else if (Array.isArray(known)) known.push(value);
  else if (!single.has(name)) headers[name] = [known, value];
}
