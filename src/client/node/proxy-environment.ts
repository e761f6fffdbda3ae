import { BlockList, isIP, isIPv4 } from "node:net";

/** Environment variables, e.g. `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a URL: `https_proxy` for `wss:`, `http_proxy` for `ws:`, then `all_proxy`; lower case
 * first. The loopback is never reached through it.
 *
 * @returns undefined: none
 */
export function proxyOfEnvironment(url: URL, environment: Environment): string | undefined {
  // A dot at the end is the root of all names.
  const host = hostOf(url).replace(/\.$/, "");
  if (isLoopback(host) || isExcluded(host, portOf(url), variable(environment, "no_proxy") ?? "")) return undefined;
  const scheme = url.protocol === "wss:" ? "https_proxy" : "http_proxy";
  const proxy = variable(environment, scheme) ?? variable(environment, "all_proxy");
  if (proxy === undefined) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** The host of a URL, an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** The port of a URL. */
export function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "wss:" || protocol === "https:" ? 443 : 80;
}

/** User and password of a URL as the value of `Authorization`; undefined: it has none. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`).toString("base64")}`;
}

/** A part of a URL without its escapes. A `%` that begins none stands for itself, as browsers have it. */
export function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  // A URL is ASCII: each character is a byte.
  return Buffer.from(bytes, "latin1").toString();
}

/** A variable that is not empty. */
function variable(environment: Environment, name: string): string | undefined {
  const lower = environment[name];
  if (lower !== undefined && lower !== "") return lower;
  // CGI makes `HTTP_PROXY` of the request's header `Proxy` (httpoxy, CVE-2016-5385).
  if (name === "http_proxy" && environment["REQUEST_METHOD"] !== undefined) return undefined;
  const upper = environment[name.toUpperCase()];
  return upper === "" ? undefined : upper;
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  // The last is 127.0.0.0/8 as IPv6, as a URL writes it.
  return host === "::1" || /^::ffff:7f[0-9a-f]{2}:/.test(host) || /^(?:.*\.)?localhost$/.test(host);
}

/** `no_proxy`: `*`, a host with its subdomains, `.suffix`, `host:port`, an address, or a network. */
function isExcluded(host: string, port: number, list: string): boolean {
  return list
    .split(/[,\s]+/)
    .filter((one) => one !== "")
    .some((one) => one === "*" || matches(host, port, one.toLowerCase()));
}

function matches(host: string, port: number, entry: string): boolean {
  if (entry.includes("/")) return isInNetwork(host, entry);
  const [, name = entry, onlyPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  const bare = name.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return (bare.includes(":") ? hostOf(new URL(`http://[${bare}]`)) : bare) === host;
  const suffix = bare.replace(/^\*?\./, "").replace(/\.$/, "");
  // The end of an address is no domain.
  return suffix !== "" && isIP(host) === 0 && (host.endsWith(`.${suffix}`) || host === suffix);
}

function isInNetwork(host: string, network: string): boolean {
  const [address = "", bits = ""] = network.split("/");
  const kind = isIP(address);
  if (kind === 0 || isIP(host) !== kind || !/^\d+$/.test(bits) || Number(bits) > (kind === 4 ? 32 : 128)) return false;
  const family = kind === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return list.check(host, family);
}
