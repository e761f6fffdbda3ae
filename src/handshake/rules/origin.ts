import { InvalidArgumentError } from "../../errors/errors.ts";
import type { ConnectionRequest } from "../request.ts";

/**
 * Which browsers may connect. `"same"`: only pages of this host (the default). A list: pages of these origins, each
 * exact (`"https://app.example.com"`), with one `*` for any subdomains (`"https://*.example.com"`), or `"*"` for all;
 * `"same"` in a list adds this host's pages. A function decides itself.
 */
export type Origins = "same" | readonly string[] | ((origin: string, request: ConnectionRequest) => boolean);

/** Says whether a request's `Origin` may connect. */
export type OriginRule = (origin: string, request: ConnectionRequest) => boolean;

/**
 * The rule that an `origins` option stands for. A browser sends cookies with a WebSocket request from any page, so
 * without a rule every page on the web could act as its visitor (cross-site WebSocket hijacking, RFC 6455 10.2).
 *
 * @throws {InvalidArgumentError} when the option is none of its types, or holds an origin that is none
 */
export function originRule(origins: unknown): OriginRule {
  if (origins === undefined || origins === "same") return isSameOrigin;
  // Nothing but `true` lets a page in: a promise, from an async function, is not an answer.
  if (typeof origins === "function")
    return (origin, request) => (origins as (...args: Parameters<OriginRule>) => unknown)(origin, request) === true;
  if (origins === "*") return () => true;
  if (!Array.isArray(origins))
    throw new InvalidArgumentError('origins: expected "same", a list of origins, or a function');
  const rules = origins.map((origin: unknown) => ruleOf(origin));
  return (origin, request) => rules.some((rule) => rule(origin, request));
}

/** True when the origin's host and port are those the request was sent to, whatever the scheme. */
export function isSameOrigin(origin: string, request: ConnectionRequest): boolean {
  const { host } = request.headers;
  const from = parseOrigin(origin);
  if (from === undefined || typeof host !== "string") return false;
  // Read under the origin's scheme, so that a default port may be written or not.
  return parseOrigin(`${from.protocol}//${host}`)?.host === from.host;
}

function ruleOf(origin: unknown): OriginRule {
  if (typeof origin !== "string") throw new InvalidArgumentError("origins: expected a list of strings");
  if (origin === "*") return () => true;
  if (origin === "same") return isSameOrigin;
  if (origin === "null") return (from) => from === "null";
  const at = origin.indexOf("//*.");
  if (at > 0) return subdomainRule(origin, at);
  const allowed = parseOrigin(origin);
  if (allowed === undefined || origin.includes("*"))
    throw new InvalidArgumentError(
      `origins: expected an origin like "https://example.com", got ${JSON.stringify(origin)}`,
    );
  return (from) => {
    const url = parseOrigin(from);
    // Not `url.origin`: of schemes that are not the web's, e.g. an extension's, it is "null" for all.
    return url?.protocol === allowed.protocol && url.host === allowed.host;
  };
}

/** `https://*.example.com`: any depth of subdomain, but not `example.com` itself. */
function subdomainRule(pattern: string, at: number): OriginRule {
  const base = parseOrigin(pattern.slice(0, at + 2) + pattern.slice(at + 4));
  if (base === undefined || base.host.includes("*"))
    throw new InvalidArgumentError(
      `origins: expected an origin like "https://*.example.com", got ${JSON.stringify(pattern)}`,
    );
  return (from) => {
    const url = parseOrigin(from);
    return url?.protocol === base.protocol && url.port === base.port && url.hostname.endsWith(`.${base.hostname}`);
  };
}

/** An origin as a URL: scheme and authority, nothing else (RFC 6454 7.1). */
function parseOrigin(text: string): URL | undefined {
  // What `URL` would mend: no slashes or three, backslashes, white space, user names, an empty port, query or fragment.
  if (!/^[^:/?#@\\\s]+:\/\/[^/?#@\\\s]*[^/?#@\\\s:]$/.test(text)) return undefined;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  const bare = url.pathname === "/" || url.pathname === "";
  return url.host !== "" && bare && url.search === "" && url.hash === "" && url.username === "" && !text.endsWith("/")
    ? url
    : undefined;
}
