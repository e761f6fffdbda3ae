import { describe, expect, test } from "vitest";
import { AddressCounts } from "../../src/server/address-counts.ts";

describe("the places of an address", () => {
  test("are those that were given to it and not taken back", () => {
    const addresses = new AddressCounts();
    const first = addresses.add("192.0.2.1");
    expect(addresses.add("192.0.2.1")).toBe(first);
    expect(addresses.add("192.0.2.2").places).toBe(1);
    expect(first).toEqual({ name: "192.0.2.1", places: 2, handshakes: 0 });
    addresses.removePlace(first);
    addresses.addPlace(first);
    addresses.removePlace(first);
    expect(first.places).toBe(1);
    expect(addresses.add("192.0.2.1").places).toBe(2);
  });

  test("are the same for all of one IPv6 /64, in any notation", () => {
    const addresses = new AddressCounts();
    const network = addresses.add("2001:db8::1");
    expect(addresses.add("2001:DB8:0:0:ffff::2")).toBe(network);
    expect(addresses.add("2001:0db8::3")).toBe(network);
    expect(addresses.add("2001:db8:0:1::1")).not.toBe(network);
    expect(network.places).toBe(3);
  });

  test("are the same for an IPv4 address in IPv6 notation", () => {
    const addresses = new AddressCounts();
    expect(addresses.add("::ffff:192.0.2.1")).toBe(addresses.add("192.0.2.1"));
  });

  test("an unknown address has no name", () => {
    const addresses = new AddressCounts();
    expect(["", "pipe"].map((unknown) => addresses.add(unknown).name)).toEqual([undefined, undefined]);
    expect(addresses.size).toBe(0);
  });

  test("an address without a place is not kept", () => {
    const addresses = new AddressCounts();
    const all = Array.from({ length: 300 }, (_, i) => addresses.add(`10.0.${String(i >> 8)}.${String(i & 255)}`));
    expect(addresses.size).toBe(300);
    for (const one of all) addresses.removePlace(one);
    expect(addresses.size).toBe(0);
    addresses.addPlace(all[7]!);
    expect(addresses.size).toBe(1);
    expect(addresses.add("10.0.0.7")).toBe(all[7]);
  });
});
