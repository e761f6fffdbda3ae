import { execFileSync } from "node:child_process";
import { mustEnd } from "./ends.ts";

/** A part of the network with two wires to this machine: one for clients, one for the broker. Linux, and only for root. */
export interface Namespace {
  /** The command that runs another one in it. */
  readonly runner: readonly string[];
  /** Where a program in it reaches this machine. */
  readonly brokerHost: string;
  /** Where clients reach a program in it. */
  readonly nodeHost: string;
  /** Pulls, or plugs in, the wire to the broker. */
  setBrokerLink(up: boolean): void;
  /** Removes it. */
  end(): Promise<void>;
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Makes one. Undefined: this machine does not permit it. */
export function makeNamespace(): Namespace | undefined {
  const number = process.pid % 250;
  const name = `chaos${String(number)}`;
  const wires = [
    { outside: `hwb${String(number)}`, inside: "broker0", host: `10.213.${String(number)}` },
    { outside: `hwc${String(number)}`, inside: "client0", host: `10.214.${String(number)}` },
  ] as const;
  const end = mustEnd(() => {
    ip("netns", "del", name);
  });
  try {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
    for (const { outside, inside, host } of wires) {
      ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name);
      ip("addr", "add", `${host}.1/24`, "dev", outside);
      ip("link", "set", outside, "up");
      ip("-n", name, "addr", "add", `${host}.2/24`, "dev", inside);
      ip("-n", name, "link", "set", inside, "up");
    }
  } catch {
    end().catch(() => undefined);
    return undefined;
  }
  return {
    runner: ["ip", "netns", "exec", name],
    brokerHost: `${wires[0].host}.1`,
    nodeHost: `${wires[1].host}.2`,
    setBrokerLink: (up) => ip("link", "set", wires[0].outside, up ? "up" : "down"),
    end,
  };
}
