import { describe, expect, test } from "vitest";
import { AddressCounts } from "../../src/server/address-counts.ts";

describe("the number of clients of an address", () => {
  test("is 0 at first, then the clients that were added and not removed", () => {
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

  test("is the same for all of one IPv6 /64, in any notation", () => {
    const addresses = new AddressCounts();
    addresses.add("2001:db8::1");
    addresses.add("2001:DB8:0:0:ffff::2");
    addresses.add("2001:db8:0:1::1");
    expect(addresses.count("2001:0db8::3")).toBe(2);
    expect(addresses.count("2001:db8:0:1::9")).toBe(1);
    addresses.remove("2001:db8::4");
    expect(addresses.count("2001:db8::1")).toBe(1);
  });

  test("is the same for an IPv4 address in IPv6 notation", () => {
    const addresses = new AddressCounts();
    addresses.add("::ffff:192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
    addresses.remove("192.0.2.1");
    expect(addresses.count("::ffff:192.0.2.1")).toBe(0);
  });

  test("does not count a client without an address", () => {
    const addresses = new AddressCounts();
    for (const unknown of ["", "", "pipe"]) addresses.add(unknown);
    expect([addresses.count(""), addresses.count("pipe")]).toEqual([0, 0]);
    addresses.remove("");
    addresses.add("");
    expect(addresses.count("")).toBe(0);
  });

  test("never falls below 0: removing a client that was not added does not let another in", () => {
    const addresses = new AddressCounts();
    addresses.remove("192.0.2.1");
    addresses.add("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
  });
});
