import type { RelayedRequest, Values } from "../request.ts";
import { splitUnquoted } from "./tokens.ts";

/** What one header says about the address that a client asked for. */
export interface HostClaim {
  /** The name of the header, e.g. `Host`. */
  readonly header: string;
  /** What it names: the host (its port may be with it), the port or the scheme. */
  readonly part: "host" | "port" | "scheme";
  /** The value; undefined when the header is malformed. */
  readonly value: string | undefined;
}

/** The headers that are in use. They may be lists: each proxy appends its value. */
const HEADERS = [
  ["X-Forwarded-Host", "host"],
  ["X-Forwarded-Port", "port"],
  ["X-Forwarded-Proto", "scheme"],
] as const;

/**
 * What a request says about the address that its client asked for: headers of the trusted proxy that has sent it, and `Host`
 * where they name no host. All of it must be right: a proxy that sets one of these headers may pass on another that its client
 * has made up.
 */
export function hostClaims(request: RelayedRequest): readonly HostClaim[] {
  const { headers } = request;
  const claims = request.isFromTrustedProxy === true ? forwardedClaims(headers) : [];
  if (claims.some(({ part }) => part === "host")) return claims;
  const { host } = headers;
  return [{ header: "Host", part: "host", value: typeof host === "string" ? host : undefined }, ...claims];
}

function forwardedClaims(headers: Values): HostClaim[] {
  const claims: HostClaim[] = [];
  for (const [header, part] of HEADERS) {
    const line = lastLine(headers[header.toLowerCase()]);
    // The proxy that is connected to us has written the last element.
    if (line !== undefined) claims.push({ header, part, value: line.slice(line.lastIndexOf(",") + 1).trim() });
  }
  const forwarded = lastLine(headers["forwarded"]);
  if (forwarded !== undefined) claims.push(...readForwarded(forwarded));
  return claims;
}

/** Several lines of a header are one list (RFC 9110 5.3). */
function lastLine(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.at(-1) : value;
}

const FORWARDED = "Forwarded";

/** A pair of RFC 7239 4. A host with a port should be quoted, but not all proxies do so. */
const PAIR = /^([^\s"=]+)=(?:([^\s"]*)|"((?:[^"\\]|\\.)*)")$/;

/** The claims in the last element of `Forwarded`. A client's quote that swallows this element makes it malformed. */
function readForwarded(line: string): HostClaim[] {
  const claims: HostClaim[] = [];
  const names = new Set<string>();
  for (const text of splitUnquoted(splitUnquoted(line, ",").at(-1) ?? "", ";")) {
    if (text.trim() === "") continue;
    const [, name = "", bare, quoted] = PAIR.exec(text.trim()) ?? [];
    const key = name.toLowerCase();
    // RFC 7239 4: each parameter is there once at most.
    if (key === "" || names.has(key)) return [{ header: FORWARDED, part: "host", value: undefined }];
    names.add(key);
    const value = bare ?? quoted?.replace(/\\(.)/g, "$1") ?? "";
    if (key === "host") claims.push({ header: FORWARDED, part: "host", value });
    if (key === "proto") claims.push({ header: FORWARDED, part: "scheme", value });
  }
  return claims;
}
