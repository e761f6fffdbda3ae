import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mask, rotateKey } from "../../src/protocol/mask.ts";
import { copy, fill, hex, toHex } from "../support/bytes.ts";
import { cases, seed } from "../support/fuzz.ts";

/** RFC 6455 5.7: 37 fa 21 3d, first byte lowest. */
const KEY = 0x3d21fa37;

/** RFC 6455 5.3, literally: octet i is octet i XOR octet i modulo 4 of the key. */
function byTheBook(bytes: Uint8Array, start: number, end: number, key: number): Uint8Array {
  return bytes.map((byte, i) => (i < start || i >= end ? byte : byte ^ ((key >>> (8 * ((i - start) % 4))) & 0xff)));
}

const anyKey = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });

describe("masking", () => {
  // shows 6455-5.3-5
  test("gives the example of RFC 6455 5.7", () => {
    const bytes = hex("48 65 6c 6c 6f");
    mask(bytes, 0, 5, KEY);
    expect(toHex(bytes)).toBe("7f9f4d5158");
    mask(bytes, 0, 5, KEY);
    expect(toHex(bytes)).toBe("48656c6c6f");
  });

  // shows 6455-5.3-5
  test("follows RFC 6455 5.3 at each length and each place in memory, and touches nothing beside", () => {
    for (let offset = 0; offset < 8; offset++) {
      for (let length = 0; length <= 140; length++) {
        const memory = fill(0xa5, 160).map((byte, i) => byte + i);
        const bytes = copy(memory);
        const masked = mask(bytes.subarray(offset), 3, 3 + length, KEY);
        const expected = byTheBook(memory, offset + 3, offset + 3 + length, KEY);
        expect(toHex(bytes)).toBe(toHex(expected));
        expect(masked).toBe(expected.subarray(offset + 3, offset + 3 + length).reduce((all, byte) => all | byte, 0));
      }
    }
  });

  test("undoes itself, with any key, place and length", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      anyKey,
      fc.nat(7),
      fc.nat(20),
      (payload, key, offset, start) => {
        const memory = new Uint8Array(offset + payload.length);
        memory.set(payload, offset);
        const bytes = copy(memory).subarray(offset);
        const from = Math.min(start, bytes.length);
        mask(bytes, from, bytes.length, key);
        expect(toHex(bytes)).toBe(toHex(byTheBook(payload, from, payload.length, key)));
        mask(bytes, from, bytes.length, key);
        expect(toHex(bytes)).toBe(toHex(payload));
      },
    );
    fc.assert(property, { seed, numRuns: cases(1000) });
  });

  test("goes on in the middle of a payload with the rotated key", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      anyKey,
      fc.array(fc.nat(300), { maxLength: 4 }),
      (payload, key, cuts) => {
        const bytes = copy(payload);
        const ends = [...cuts.filter((cut) => cut < payload.length).sort((a, b) => a - b), payload.length];
        let turned = key;
        let start = 0;
        for (const end of ends) {
          mask(bytes, start, end, turned);
          turned = rotateKey(turned, end - start);
          start = end;
        }
        expect(toHex(bytes)).toBe(toHex(byTheBook(payload, 0, payload.length, key)));
      },
    );
    fc.assert(property, { seed, numRuns: cases(1000) });
  });

  test.each([7, 64, 200])("with the key 0 only looks: %i bytes", (length) => {
    const bytes = fill(0x41, length);
    expect(mask(bytes, 0, length, 0)).toBe(0x41);
    expect(bytes).toEqual(fill(0x41, length));
  });

  test("detects text that is not ASCII at any byte", () => {
    for (let at = 0; at < 130; at++) {
      const bytes = fill(0x20, 130);
      bytes[at] = 0x80;
      expect(mask(bytes, 0, 130, 0)).toBe(0xa0);
    }
  });
});

describe("rotating a key", () => {
  test.each([
    [0, 0x3d21fa37],
    [1, 0x373d21fa],
    [2, 0xfa373d21 | 0],
    [3, 0x21fa373d],
    [4, 0x3d21fa37],
    [65_537, 0x373d21fa],
  ])("by %i bytes", (count, expected) => {
    expect(rotateKey(KEY, count)).toBe(expected);
  });
});
