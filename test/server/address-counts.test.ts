import { describe, expect, test } from "vitest";
import { AddressCounts } from "../../src/server/address-counts.ts";

describe("how many come from an address", () => {
  test("nobody at first, then as many as have come and not gone", () => {
    const addresses = new AddressCounts();
    expect(addresses.count("192.0.2.1")).toBe(0);
    addresses.add("192.0.2.1");
    addresses.add("192.0.2.1");
    addresses.add("192.0.2.2");
    expect(addresses.count("192.0.2.1")).toBe(2);
    expect(addresses.count("192.0.2.2")).toBe(1);
    addresses.remove("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
    addresses.remove("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(0);
    expect(addresses.count("192.0.2.2")).toBe(1);
  });

  test("of IPv6 all of one /64 are one, however they are written", () => {
    const addresses = new AddressCounts();
    addresses.add("2001:db8::1");
    addresses.add("2001:DB8:0:0:ffff::2");
    addresses.add("2001:db8:0:1::1");
    expect(addresses.count("2001:0db8::3")).toBe(2);
    expect(addresses.count("2001:db8:0:1::9")).toBe(1);
    addresses.remove("2001:db8::4");
    expect(addresses.count("2001:db8::1")).toBe(1);
  });

  test("an IPv4 address that came by IPv6 is the same one", () => {
    const addresses = new AddressCounts();
    addresses.add("::ffff:192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
    addresses.remove("192.0.2.1");
    expect(addresses.count("::ffff:192.0.2.1")).toBe(0);
  });

  test("one that is not known counts for nobody", () => {
    const addresses = new AddressCounts();
    for (const unknown of ["", "", "pipe"]) addresses.add(unknown);
    expect([addresses.count(""), addresses.count("pipe")]).toEqual([0, 0]);
    addresses.remove("");
    addresses.add("");
    expect(addresses.count("")).toBe(0);
  });

  test("fewer than nobody there cannot be: who goes and never came lets nobody else in", () => {
    const addresses = new AddressCounts();
    addresses.remove("192.0.2.1");
    addresses.add("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
  });
});
