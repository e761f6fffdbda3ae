import { InvalidArgumentError } from "../../errors/errors.ts";
import { attempt } from "../../util/attempt.ts";
import { isThenable } from "../../util/thenable.ts";
import { Warnings } from "../../util/warnings.ts";
import type { ConnectionRequest, RelayedRequest } from "../request.ts";
import { type HostClaim, hostClaims } from "./public-host.ts";

/**
 * The web pages that may connect. `"same"`, the default: pages of this host only. A list: pages of these origins. An
 * origin in it is exact (`"https://app.example.com"`), has a `*` for any subdomain (`"https://*.example.com"`), or is
 * `"*"`, which allows every page; `"http://localhost:*"` allows any port, `"file://"` pages without a host, `"chrome-extension://*"` any
 * host of a scheme that is not of the web; `"same"` in a list adds the pages of this host. A function returns true for what may connect.
 */
export type Origins = "same" | readonly string[] | ((origin: string, request: ConnectionRequest) => boolean);

/** Whether a request with this `Origin` may connect. */
export interface OriginRule {
  (origin: string, request: RelayedRequest): boolean;
  /** The application's own function decides. */
  readonly isFunction?: true;
}

/**
 * Makes the rule for an `origins` option. A browser sends cookies with a WebSocket request from any page. Without a rule,
 * every page on the web could act as its visitor (cross-site WebSocket hijacking, RFC 6455 10.2).
 *
 * @throws {InvalidArgumentError} when the option has another type, or contains an invalid origin
 */
export function originRule(origins: unknown): OriginRule {
  if (origins === undefined || origins === "same") return isSameOrigin;
  if (typeof origins === "function") return functionRule(origins as (...args: Parameters<OriginRule>) => unknown);
  if (typeof origins === "string")
    throw new InvalidArgumentError(
      `origins: expected "same", or a list: ${JSON.stringify([origins])}${origins === "*" ? " allows every page" : ""}`,
    );
  if (!Array.isArray(origins))
    throw new InvalidArgumentError('origins: expected "same", a list of origins, or a function');
  const rules = origins.map((origin: unknown) => ruleOf(origin));
  return (origin, request) => rules.some((rule) => rule(origin, request));
}

/**
 * True when the origin's host and port are those that the client asked for. The scheme matters only where a trusted proxy has
 * told it.
 */
export function isSameOrigin(origin: string, request: RelayedRequest): boolean {
  const from = parseOrigin(origin);
  if (from === undefined) return false;
  // What most requests have needs no list.
  const { host } = request.headers;
  if (request.isFromTrustedProxy !== true) return isHostOf(from, typeof host === "string" ? host : undefined);
  const claims = hostClaims(request);
  const port = claims.find(({ part }) => part === "port");
  return claims.every(({ part, value }) => {
    if (part === "host") return isHostOf(from, value, port);
    return part === "port" || isSchemeOf(from, value);
  });
}

/** A port that the host has is the one that the browser wrote. That of the proxy may be another one, where ports are translated. */
function isHostOf(from: URL, host: string | undefined, port?: HostClaim): boolean {
  if (host === undefined) return false;
  const authority = port === undefined || /:\d+$/.test(host) ? host : `${host}:${port.value ?? ""}`;
  // The host is parsed with the origin's scheme, so that its default port may be written or left out.
  return parseOrigin(`${from.protocol}//${authority}`)?.host === from.host;
}

/** Some proxies write `wss` for a WebSocket, some `https`. */
function isSchemeOf(from: URL, scheme: string | undefined): boolean {
  return scheme?.toLowerCase().replace(/^ws(?=s?$)/, "http") === from.protocol.slice(0, -1);
}

/** RFC 6455 10.2: only browsers send an origin, and they cannot leave it out. A request without one may connect. */
export function mayConnectFrom(origin: string | undefined, request: RelayedRequest, rule: OriginRule): boolean {
  return origin === undefined || rule(withoutSlash(origin), request);
}

/** Some clients send `https://example.com/`. */
function withoutSlash(origin: string): string {
  return origin.endsWith("/") && !origin.endsWith("://") ? origin.slice(0, -1) : origin;
}

/** Only `true` allows a page. An async function returns a promise, which is not `true`: its rejection is caught. */
function functionRule(allows: (...args: Parameters<OriginRule>) => unknown): OriginRule {
  const warnings = new Warnings(Infinity);
  const rule: OriginRule = (origin, request) => {
    const result = allows(origin, request);
    if (isThenable(result)) {
      void Promise.resolve(result).then(undefined, () => undefined);
      warnings.warn(ASYNC_ORIGINS, { code: "HWS_ASYNC_ORIGINS", text: () => ASYNC_ORIGINS });
    }
    return result === true;
  };
  return Object.assign(rule, { isFunction: true as const });
}

/** The value of a list that allows exactly the pages with this `Origin`; undefined: there is none. A client chooses the header. */
export function exactOrigin(header: string): string | undefined {
  const origin = withoutSlash(header);
  // With a star it allows more than these pages, and "same" is no origin.
  if (origin.includes("*") || origin === "same") return undefined;
  return attempt(() => ruleOf(origin)) === undefined ? undefined : origin;
}

const ASYNC_ORIGINS =
  "origins: the function returned a promise, which allows no page. Decide in onConnection, which may be async";

function ruleOf(origin: unknown): OriginRule {
  if (typeof origin !== "string") throw new InvalidArgumentError("origins: expected a list of strings");
  if (origin === "*") return () => true;
  if (origin === "same") return isSameOrigin;
  if (origin === "null") return (from) => from === "null";
  const any = schemeRule(origin) ?? portRule(origin);
  if (any !== undefined) return any;
  const at = origin.indexOf("//*.");
  if (at > 0) return subdomainRule(origin, at);
  const allowed = parseOrigin(origin);
  if (allowed === undefined || origin.includes("*"))
    throw new InvalidArgumentError(
      `origins: expected an origin like "https://example.com", got ${JSON.stringify(origin)}`,
    );
  return (from) => {
    const url = parseOrigin(from);
    // Not `url.origin`: it is "null" for every scheme that the web does not define, e.g. that of a browser extension.
    return url?.protocol === allowed.protocol && url.host === allowed.host;
  };
}

/** `file://` allows pages without a host; `chrome-extension://*` those of any host, but not for schemes of the web. */
function schemeRule(pattern: string): OriginRule | undefined {
  const [, scheme, host] = /^([a-z][a-z0-9+.-]*:)\/\/(\*?)$/i.exec(pattern) ?? [];
  if (scheme === undefined || /^(?:http|ws)s?:$/i.test(scheme)) return undefined;
  const protocol = scheme.toLowerCase();
  if (host === "") return (from) => from.toLowerCase() === `${protocol}//`;
  return (from) => parseOrigin(from)?.protocol === protocol;
}

/** `http://localhost:*` allows any port. */
function portRule(pattern: string): OriginRule | undefined {
  if (!pattern.endsWith(":*")) return undefined;
  const base = parseOrigin(pattern.slice(0, -2));
  if (base?.port !== "" || base.host.includes("*")) return undefined;
  return (from) => {
    const url = parseOrigin(from);
    return url?.protocol === base.protocol && url.hostname === base.hostname;
  };
}

/** `https://*.example.com` allows subdomains of any depth, but not `example.com` itself. */
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

/** Parses an origin as a URL. It has a scheme and an authority, and nothing else (RFC 6454 7.1). */
function parseOrigin(text: string): URL | undefined {
  // Rejects what `URL` would repair: a wrong number of slashes, backslashes, white space, user names, an empty port, query
  // or fragment.
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
