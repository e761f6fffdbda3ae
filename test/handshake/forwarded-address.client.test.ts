import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientOf } from "../../src/handshake/forwarded-address.ts";

describe("of IPv4, an address is a client", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:4711", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["[::ffff:192.0.2.1]:80", "192.0.2.1"],
  ])("%s is %s", (text, expected) => {
    expect(clientOf(text)).toBe(expected);
  });

  test("two addresses are two clients", () => {
    expect(clientOf("192.0.2.1")).not.toBe(clientOf("192.0.2.2"));
  });
});

describe("of IPv6, a /64 is a client", () => {
  test.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["2001::1:0:0:0:0", "2001:0:0:1::/64"],
    ["::", "0:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    ["1::3:4:5:6:7:8", "1:0:3:4::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
    ["1::4:5:6:192.0.2.1", "1:0:0:4::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["fe80::1%ETH0", "fe80:0:0:0::/64"],
    ["1::3:4:5:6:7:8%eth.0", "1:0:3:4::/64"],
    ["[2001:db8::1]:443", "2001:db8:0:0::/64"],
  ])("%s belongs to %s", (text, expected) => {
    expect(clientOf(text)).toBe(expected);
  });
});

test.each(["", "unknown", "1.2.3", "[", "::g", "1:2:3:4:5:6:7", "1:2:3::4:5:6:7:8", "/run/socket"])(
  "%j is not an address",
  (text) => {
    expect(clientOf(text)).toBeUndefined();
  },
);

/** The eight groups of an address, with many zeros. Addresses that stand for IPv4 are left out. */
const address = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .filter((groups) => groups.slice(0, 5).some((group) => group !== 0));

/** A notation: each field is a choice that RFC 4291 2.2 allows. */
const hand = fc.record({
  zeros: fc.array(fc.nat(4), { minLength: 8, maxLength: 8 }),
  upper: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  shorten: fc.option(fc.record({ at: fc.nat(7), length: fc.integer({ min: 1, max: 8 }) }), { nil: undefined }),
  dotted: fc.boolean(),
  zone: fc.constantFrom("", "%1", "%eth0", "%a.b::c"),
  port: fc.constantFrom(undefined, "", ":443"),
});

type Hand = typeof hand extends fc.Arbitrary<infer H> ? H : never;

function write(groups: readonly number[], { zeros, upper, shorten, dotted, zone, port }: Hand): string {
  const texts = groups.map((group, i) => {
    const text = group.toString(16).padStart(Math.min(4, zeros[i]!), "0");
    return upper[i] === true ? text.toUpperCase() : text;
  });
  if (dotted) {
    const bytes = [groups[6]! >> 8, groups[6]! & 0xff, groups[7]! >> 8, groups[7]! & 0xff];
    texts.splice(6, 2, bytes.join("."));
  }
  const { at = 0, length = 0 } = shorten ?? {};
  const run = groups.slice(at, at + length);
  const fits = length > 0 && at + length <= (dotted ? 6 : 8) && run.every((group) => group === 0);
  const text = fits ? `${texts.slice(0, at).join(":")}::${texts.slice(at + length).join(":")}` : texts.join(":");
  return port === undefined ? `${text}${zone}` : `[${text}${zone}]${port}`;
}

describe("however an address is written", () => {
  test("it is the same client, and that is its /64", () => {
    fc.assert(
      fc.property(address, hand, hand, (groups, one, other) => {
        const network = groups.slice(0, 4).map((group) => group.toString(16));
        expect(clientOf(write(groups, one))).toBe(`${network.join(":")}::/64`);
        expect(clientOf(write(groups, other))).toBe(clientOf(write(groups, one)));
      }),
      { numRuns: 2000 },
    );
  });

  test("two addresses are the same client when they share their first 64 bits, and only then", () => {
    fc.assert(
      fc.property(address, address, hand, hand, (one, other, mine, theirs) => {
        const same = one.slice(0, 4).join() === other.slice(0, 4).join();
        expect(clientOf(write(one, mine)) === clientOf(write(other, theirs))).toBe(same);
        const neighbour = [...one.slice(0, 4), ...other.slice(4)];
        // With only zeros before it, it may stand for an IPv4 address.
        fc.pre(neighbour.slice(0, 5).some((group) => group !== 0));
        expect(clientOf(write(neighbour, theirs))).toBe(clientOf(write(one, mine)));
      }),
      { numRuns: 1000 },
    );
  });
});

test.each(["::ffff:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:192.0.2.1", "::FFFF:C000:0201"])(
  "an IPv4 address in IPv6 is that client, however it is written: %s",
  (address) => {
    expect(clientOf(address)).toBe("192.0.2.1");
  },
);
