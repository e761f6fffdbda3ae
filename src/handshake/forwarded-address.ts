import { BlockList, isIP } from "node:net";

import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";

/**
 * The proxies in front of the server that are trusted: their number, or their addresses (`"10.0.0.0/8"`, `"192.0.2.1"`,
 * `"loopback"`, `"linklocal"`, `"uniquelocal"`). A proxy that connects through a Unix socket has no address: count it as a hop.
 */
export type TrustProxy = number | string | readonly string[];

/** Which proxies are trusted: the one decision for all that proxies say in headers. */
export interface AddressRule {
  /** Whether the peer with this address is a trusted proxy. "": its address is not known. */
  isTrusted(direct: string): boolean;
  /** Finds the client's address from the address of the socket and the value of `X-Forwarded-For`. */
  findClient(direct: string, forwarded: string | undefined): string;
}

/** Whether an address is that of a trusted proxy. `hop`: the number of proxies between it and the server. */
type TrustTest = (address: string | undefined, hop: number) => boolean;

/** Names of the networks in which proxies usually are: RFC 1122, RFC 3927, RFC 1918, RFC 4193. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/**
 * Makes the rule that finds a client's address behind proxies. Each proxy appends to the header the address that connected
 * to it. So the header is read from its end, and entries that a client has added at its beginning are not trusted.
 *
 * @returns undefined when no proxy is trusted, and the header is ignored
 * @throws {InvalidArgumentError} for a value that is neither a number of hops nor addresses
 * @throws {OutOfRangeError} for a number of hops that is not a non-negative integer
 */
export function addressRule(trust: TrustProxy | undefined): AddressRule | undefined {
  if (trust === undefined) return undefined;
  if (typeof trust === "number") return byHops(trust);
  return byNetworks(typeof trust === "string" ? [trust] : trust);
}

function byHops(hops: number): AddressRule | undefined {
  if (!Number.isInteger(hops) || hops < 0)
    throw new OutOfRangeError(`trustProxy: expected a number of hops from 0 on, got ${String(hops)}`);
  if (hops === 0) return undefined;
  return ruleOf((_address, hop) => hop < hops);
}

function byNetworks(networks: readonly string[]): AddressRule {
  if (!Array.isArray(networks)) throw new InvalidArgumentError(`trustProxy: ${EXPECTED}`);
  const trusted = new BlockList();
  for (const name of networks) for (const network of networksOf(name)) addNetwork(trusted, network);
  // A client without an address is in no network. A client that has reset its connection has no address any more.
  return ruleOf((address) => address !== undefined && trusted.check(address, familyOf(address)));
}

function ruleOf(isTrusted: TrustTest): AddressRule {
  return {
    isTrusted: (direct) => isTrusted(normalize(direct), 0),
    findClient: (direct, forwarded) => walk(direct, forwarded, isTrusted),
  };
}

const EXPECTED = 'expected a number of hops, or addresses like "10.0.0.0/8", "192.0.2.1" or "loopback"';

function networksOf(name: unknown): readonly string[] {
  if (typeof name !== "string") throw new InvalidArgumentError(`trustProxy: ${EXPECTED}, got ${typeof name}`);
  return Object.hasOwn(NETWORKS, name) ? (NETWORKS[name] ?? []) : [name];
}

function addNetwork(list: BlockList, network: string): void {
  const [address = "", prefix, ...more] = network.split("/");
  try {
    if (isIP(address) === 0 || more.length > 0) throw new TypeError("not an address");
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else if (/^\d{1,3}$/.test(prefix)) list.addSubnet(address, Number(prefix), familyOf(address));
    else throw new TypeError("not a prefix");
  } catch (cause) {
    throw new InvalidArgumentError(`trustProxy: ${EXPECTED}, got ${JSON.stringify(network)}`, { cause });
  }
}

/** Walks from the socket's address back to the first address that is not trusted. An entry that is not an address ends the walk. */
function walk(direct: string, forwarded: string | undefined, isTrusted: TrustTest): string {
  let address = normalize(direct);
  let rest = forwarded ?? "";
  for (let hop = 0; rest !== ""; hop++) {
    if (!isTrusted(address, hop)) break;
    const comma = rest.lastIndexOf(",");
    const before = normalize(rest.slice(comma + 1).trim());
    if (before === undefined) break;
    address = before;
    rest = comma < 0 ? "" : rest.slice(0, comma);
  }
  return address ?? direct;
}

/** One spelling for each address: without a port or brackets, and an IPv4-mapped IPv6 address as IPv4. Undefined for other text. */
function normalize(text: string): string | undefined {
  let address = text;
  if (address.startsWith("[")) address = address.slice(1, Math.max(1, address.indexOf("]")));
  else if (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(address)) address = address.slice(0, address.indexOf(":"));
  // A zone such as `%eth0` means something on the sender's machine only, and may have any length (RFC 4007 11).
  if (address.includes("%")) address = address.slice(0, address.indexOf("%"));
  const family = isIP(address);
  if (family === 0) return undefined;
  return (family === 6 ? mappedIn(groupsOf(address)) : undefined) ?? address.toLowerCase();
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** Groups of an IPv6 address, and of its network part. One customer gets at least a /64 (RFC 6177). */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** The part of an address that counts as one client: an IPv4 address, or the /64 of an IPv6 address. Undefined for other text. */
export function clientOf(text: string): string | undefined {
  const address = normalize(text);
  if (address === undefined || isIP(address) === 4) return address;
  const network = groupsOf(address).slice(0, NETWORK_GROUPS);
  return `${network.map((group) => group.toString(16)).join(":")}::/64`;
}

/** The groups of an IPv6 address, in any spelling. */
function groupsOf(address: string): readonly number[] {
  // A zone (`%eth0`) is not part of the address.
  const [front = "", back] = (address.split("%")[0] ?? "").split("::");
  const first = numbersOf(front);
  if (back === undefined) return first;
  const last = numbersOf(back);
  return [...first, ...Array.from({ length: GROUPS - first.length - last.length }, () => 0), ...last];
}

/** The groups of a part of an IPv6 address. An IPv4 address at its end is two groups. */
function numbersOf(part: string): readonly number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** The IPv4 address in an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2); undefined for others. */
function mappedIn(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(-2);
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return undefined;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}
