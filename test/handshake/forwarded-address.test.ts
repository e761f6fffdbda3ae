import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { type TrustProxy, addressRule } from "../../src/handshake/forwarded-address.ts";

/** The client of a request from the peer `direct`. */
function client(trust: TrustProxy, direct: string, forwarded?: string): string {
  const rule = addressRule(trust);
  if (rule === undefined) throw new Error("nobody is trusted");
  return rule.findClient(direct, forwarded);
}

describe("no proxy is trusted", () => {
  test.each([[undefined], [0]])("with %s: there is no rule, so the header is not read", (trust) => {
    expect(addressRule(trust)).toBeUndefined();
  });

  test("with an empty list, which is a rule: the client is the peer, whatever the header says", () => {
    expect(client([], "10.0.0.1", "198.51.100.7")).toBe("10.0.0.1");
  });
});

describe("a number of hops", () => {
  const SPOOFED = "6.6.6.6, 198.51.100.7, 10.0.0.2";

  test.each([
    [1, "10.0.0.2"],
    [2, "198.51.100.7"],
    [3, "6.6.6.6"],
  ])("%i hops: that many entries from the end, and earlier entries are not trusted", (hops, expected) => {
    expect(client(hops, "10.0.0.1", SPOOFED)).toBe(expected);
  });

  test("with fewer entries than hops it is the first of them", () => {
    expect(client(5, "10.0.0.1", SPOOFED)).toBe("6.6.6.6");
    expect(client(2, "10.0.0.1", "198.51.100.7")).toBe("198.51.100.7");
  });

  test.each([undefined, ""])("without a header (%j) it is the peer", (forwarded) => {
    expect(client(2, "10.0.0.1", forwarded)).toBe("10.0.0.1");
  });

  test("a zone of IPv6 is dropped: it may have any length", () => {
    expect(client(1, "10.0.0.1", `fe80::1%${"a".repeat(15_000)}`)).toBe("fe80::1");
    expect(client(1, "10.0.0.1", "[fe80::1%eth0]:443")).toBe("fe80::1");
  });

  test("the peer may have any address", () => {
    expect(client(1, "203.0.113.9", "198.51.100.7")).toBe("198.51.100.7");
  });
});

describe("networks", () => {
  test("the last entry that is not in them is the client, and spoofed entries before it are ignored", () => {
    const trust = ["10.0.0.0/8", "2001:db8::/32"];
    expect(client(trust, "10.0.0.1", "6.6.6.6, 10.9.9.9, 198.51.100.7, 2001:db8::2, 10.0.0.2")).toBe("198.51.100.7");
    expect(client(trust, "2001:db8::1", "10.9.9.9, 198.51.100.7")).toBe("198.51.100.7");
  });

  test("a peer from another network is the client, and its header is ignored", () => {
    expect(client(["10.0.0.0/8"], "203.0.113.9", "198.51.100.7")).toBe("203.0.113.9");
    expect(client("10.0.0.0/8", "2001:db8::1", "198.51.100.7")).toBe("2001:db8::1");
  });

  test("when all are in them it is the first", () => {
    expect(client("uniquelocal", "10.0.0.1", "192.168.1.1, 172.16.0.9")).toBe("192.168.1.1");
  });

  test.each([
    ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "a00::"]],
    ["192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]],
    ["192.0.2.1/32", ["192.0.2.1"], ["192.0.2.2"]],
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["2001:db8::1"]],
    ["2001:db8::1", ["2001:db8::1", "2001:DB8:0::0001"], ["2001:db8::2"]],
    ["2001:db8::/33", ["2001:db8:7fff::"], ["2001:db8:8000::", "32.1.13.184"]],
    ["loopback", ["127.0.0.1", "127.255.255.255", "::1"], ["128.0.0.0", "::2", "::"]],
    ["linklocal", ["169.254.0.1", "fe80::1", "febf::1", "fe80::1%eth0"], ["169.253.0.1", "fec0::1"]],
    [
      "uniquelocal",
      ["10.1.2.3", "172.16.0.0", "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1"],
      ["172.15.255.255", "172.32.0.0", "192.167.0.1", "192.169.0.1", "fbff::1", "fe00::1"],
    ],
  ])("%s has %j in it and not %j", (network, inside, outside) => {
    for (const direct of inside) expect(client(network, direct, "198.51.100.7"), direct).toBe("198.51.100.7");
    for (const direct of outside) expect(client([network], direct, "198.51.100.7"), direct).toBe(direct);
  });

  test("several names and addresses can be combined", () => {
    const trust = ["loopback", "192.0.2.0/24"];
    expect(client(trust, "127.0.0.1", "198.51.100.7, 192.0.2.9")).toBe("198.51.100.7");
  });
});

describe("the peer", () => {
  test.each([
    [1, ["203.0.113.9", "10.0.0.1", "::1", ""], []],
    ["loopback", ["127.0.0.1", "::1", "::ffff:127.0.0.1"], ["203.0.113.9", "10.0.0.1", ""]],
    [
      ["10.0.0.0/8", "192.0.2.1"],
      ["10.9.9.9", "192.0.2.1"],
      ["192.0.2.2", "127.0.0.1", "", "unknown"],
    ],
    [[], [], ["127.0.0.1", ""]],
  ] as [TrustProxy, string[], string[]][])("with %j, %j are trusted proxies, and %j are not", (trust, yes, no) => {
    for (const peer of yes) expect(addressRule(trust)?.isTrusted(peer), peer).toBe(true);
    for (const peer of no) expect(addressRule(trust)?.isTrusted(peer), peer).toBe(false);
  });

  test("is trusted by the same decision as for the client's address", () => {
    for (const peer of ["203.0.113.9", "10.0.0.1", "127.0.0.1"]) {
      for (const trust of [1, "loopback", ["10.0.0.0/8"]])
        expect(addressRule(trust)?.isTrusted(peer)).toBe(client(trust, peer, "198.51.100.7") !== peer);
    }
  });
});

describe("the entries of the header", () => {
  test.each([
    "unknown",
    "_hidden",
    "",
    "example.com",
    "1.2.3",
    "1.2.3.4.5",
    "[",
    "[]",
    "[::1",
    "1.2.3.4:",
    ":80",
    "::g",
  ])("%j is not an address: the search ends before it", (junk) => {
    expect(client(9, "10.0.0.1", `198.51.100.7, ${junk}`)).toBe("10.0.0.1");
    expect(client("10.0.0.0/8", "10.0.0.1", `198.51.100.7,${junk},10.0.0.2`)).toBe("10.0.0.2");
  });

  test.each([
    ["198.51.100.7:4711", "198.51.100.7"],
    ["[2001:db8::7]:4711", "2001:db8::7"],
    ["[2001:db8::7]", "2001:db8::7"],
    ["2001:DB8::7", "2001:db8::7"],
    ["::ffff:198.51.100.7", "198.51.100.7"],
    ["::FFFF:198.51.100.7", "198.51.100.7"],
    ["[::ffff:198.51.100.7]:80", "198.51.100.7"],
    ["  198.51.100.7\t", "198.51.100.7"],
  ])("%j is read as %s", (entry, expected) => {
    expect(client(1, "10.0.0.1", entry)).toBe(expected);
    expect(client("10.0.0.0/8", "10.0.0.1", `6.6.6.6,${entry},10.0.0.2`)).toBe(expected);
  });

  test("a proxy with a port or in brackets is recognized too", () => {
    expect(client("10.0.0.0/8", "10.0.0.1", "198.51.100.7, 10.0.0.2:80")).toBe("198.51.100.7");
    expect(client("2001:db8::/32", "2001:db8::1", "198.51.100.7, [2001:DB8::2]:80")).toBe("198.51.100.7");
  });

  test("an IPv4 address that came by IPv6 is one of IPv4", () => {
    expect(client("10.0.0.0/8", "::ffff:10.0.0.1", "198.51.100.7")).toBe("198.51.100.7");
    expect(client(1, "::ffff:10.0.0.1")).toBe("10.0.0.1");
    expect(client("10.0.0.0/8", "::ffff:203.0.113.9", "198.51.100.7")).toBe("203.0.113.9");
  });

  test("a hundred thousand entries are read in one pass", () => {
    const many = `198.51.100.7, ${Array<string>(100_000).fill("10.0.0.2").join(", ")}`;
    expect(client("10.0.0.0/8", "10.0.0.1", many)).toBe("198.51.100.7");
    expect(client(1_000_000, "10.0.0.1", many)).toBe("198.51.100.7");
  });
});

describe("a pipe, which has no address", () => {
  test("is a hop, but in no network: a client that has reset its connection has no address either", () => {
    expect(client(1, "", "6.6.6.6, 198.51.100.7")).toBe("198.51.100.7");
    expect(client(2, "", "198.51.100.7, 10.0.0.2")).toBe("198.51.100.7");
    expect(client("10.0.0.0/8", "", "6.6.6.6, 198.51.100.7, 10.0.0.2")).toBe("");
  });

  test("without a header, or with an unreadable one, there is no address", () => {
    expect(client(1, "")).toBe("");
    expect(client("loopback", "", "unknown")).toBe("");
  });
});

describe("a wrong option is refused and named", () => {
  test.each([-1, 0.5, NaN, Infinity, -Infinity])("%d is no number of hops", (hops) => {
    expect(() => addressRule(hops)).toThrow(OutOfRangeError);
    expect(() => addressRule(hops)).toThrow(/^trustProxy: expected a number of hops /);
  });

  test.each([null, true, {}, 5n, () => true, [5], [null], [["10.0.0.1"]]])("so is %s, of another type", (trust) => {
    expect(() => addressRule(trust as unknown as TrustProxy)).toThrow(InvalidArgumentError);
    expect(() => addressRule(trust as unknown as TrustProxy)).toThrow(/^trustProxy: expected a number of hops, or /);
  });

  test.each([
    ...["", "example.com", "Loopback", "__proto__", "constructor", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1"],
    ...["10.0.0.0/1e1", "10.0.0.0/ 8", "10.0.0.0/8/8", "/8", "10.0.0.1:80", "[::1]", "fc00::/129", " 10.0.0.1"],
  ])("and %j, which is no network", (network) => {
    expect(() => addressRule(network)).toThrow(InvalidArgumentError);
    expect(() => addressRule(["10.0.0.0/8", network])).toThrow(/^trustProxy: expected a number of hops, or addresses/);
    expect(() => addressRule([network])).toThrow(`got ${JSON.stringify(network)}`);
  });
});
