import { readFileSync } from "node:fs";

/** How many addresses clients come from; each has ports of its own. */
const ADDRESSES = 32;

/** Linux has all of 127.0.0.0/8; others would have to be told. */
const hasManyAddresses = process.platform === "linux";

/** The address the nth client comes from: a port that one has used is kept for a minute, so all in turn. */
export function addressOf(n: number): string | undefined {
  return hasManyAddresses ? `127.0.0.${String(2 + (n % ADDRESSES))}` : undefined;
}

/** How many connections the system still remembers after their end (TIME_WAIT); 0 where it does not say. */
export function remembered(): number {
  const tw = /^TCP:.* tw (\d+)/m.exec(read("/proc/net/sockstat"))?.[1];
  return Number(tw ?? 0);
}

/** How many it may remember before clients run out of ports: half of what there are. */
export function mayRemember(): number {
  const [from = "", to = ""] = read("/proc/sys/net/ipv4/ip_local_port_range").trim().split(/\s+/);
  const ports = Number(to) - Number(from);
  return ports > 0 ? (ports * ADDRESSES) / 2 : Infinity;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
