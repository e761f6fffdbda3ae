import { readFileSync } from "node:fs";

/** The number of addresses that clients use. Each address has its own ports. */
const ADDRESSES = 32;

/** Linux accepts all addresses of 127.0.0.0/8. Other systems must be configured first. */
const hasManyAddresses = process.platform === "linux";

/** The address of the nth client. The system keeps a used port for a minute, so clients use the addresses in turn. */
export function addressOf(n: number): string | undefined {
  return hasManyAddresses ? `127.0.0.${String(2 + (n % ADDRESSES))}` : undefined;
}

/** The number of connections in TIME_WAIT; 0 if the system does not tell. */
export function remembered(): number {
  const tw = /^TCP:.* tw (\d+)/m.exec(read("/proc/net/sockstat"))?.[1];
  return Number(tw ?? 0);
}

/** The number of connections that may be in TIME_WAIT: half of the ports. With more, clients could run out of ports. */
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
