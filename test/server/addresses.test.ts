import { describe, expect, test } from "vitest";
import { Addresses } from "../../src/server/addresses.ts";

describe("how many come from an address", () => {
  test("nobody at first, then as many as have come and not gone", () => {
    const addresses = new Addresses();
    expect(addresses.count("192.0.2.1")).toBe(0);
    addresses.enter("192.0.2.1");
    addresses.enter("192.0.2.1");
    addresses.enter("192.0.2.2");
    expect(addresses.count("192.0.2.1")).toBe(2);
    expect(addresses.count("192.0.2.2")).toBe(1);
    addresses.leave("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
    addresses.leave("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(0);
    expect(addresses.count("192.0.2.2")).toBe(1);
  });

  test("of IPv6 all of one /64 are one, however they are written", () => {
    const addresses = new Addresses();
    addresses.enter("2001:db8::1");
    addresses.enter("2001:DB8:0:0:ffff::2");
    addresses.enter("2001:db8:0:1::1");
    expect(addresses.count("2001:0db8::3")).toBe(2);
    expect(addresses.count("2001:db8:0:1::9")).toBe(1);
    addresses.leave("2001:db8::4");
    expect(addresses.count("2001:db8::1")).toBe(1);
  });

  test("an IPv4 address that came by IPv6 is the same one", () => {
    const addresses = new Addresses();
    addresses.enter("::ffff:192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
    addresses.leave("192.0.2.1");
    expect(addresses.count("::ffff:192.0.2.1")).toBe(0);
  });

  test("one that is not known counts for nobody", () => {
    const addresses = new Addresses();
    for (const unknown of ["", "", "pipe"]) addresses.enter(unknown);
    expect([addresses.count(""), addresses.count("pipe")]).toEqual([0, 0]);
    addresses.leave("");
    addresses.enter("");
    expect(addresses.count("")).toBe(0);
  });

  test("fewer than nobody there cannot be: who goes and never came lets nobody else in", () => {
    const addresses = new Addresses();
    addresses.leave("192.0.2.1");
    addresses.enter("192.0.2.1");
    expect(addresses.count("192.0.2.1")).toBe(1);
  });
});
