import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocate } from "../../src/protocol/bytes.ts";
import {
  BadLength,
  FIN,
  LENGTH_16,
  LENGTH_64,
  MAX_HEADER,
  RESERVED_BITS,
  ReservedBit,
  extendedLengthSize,
  headerSize,
  readExtendedLength,
  readKey,
  writeHeader,
} from "../../src/protocol/frame-header.ts";
import { hex } from "../support/bytes.ts";
import { cases, seed } from "../support/fuzz.ts";

test("the reserved bits are the three after FIN", () => {
  expect(FIN).toBe(0x80);
  expect(ReservedBit).toEqual({ rsv1: 0x40, rsv2: 0x20, rsv3: 0x10 });
  expect(RESERVED_BITS).toBe(0x70);
});

test("the longest header is that of RFC 6455 5.2: two bytes, eight of length, four of mask", () => {
  expect(MAX_HEADER).toBe(14);
  expect(headerSize(0x10000, true)).toBe(MAX_HEADER);
});

describe("a length", () => {
  test("that was written is read again, with the key", () => {
    const lengths = fc.oneof(fc.nat(200), fc.nat(0x20000), fc.maxSafeNat());
    fc.assert(
      fc.property(lengths, fc.option(fc.integer(), { nil: undefined }), (length, key) => {
        const bytes = allocate(headerSize(length, key !== undefined));
        const end = writeHeader(bytes, 0, FIN, length, key);
        expect(end).toBe(bytes.length);
        const short = bytes[1]! & 0x7f;
        expect(short < LENGTH_16 ? short : readExtendedLength(bytes, 2, short)).toBe(length);
        expect(bytes[1]! >= 0x80).toBe(key !== undefined);
        if (key !== undefined) expect(readKey(bytes, 2 + extendedLengthSize(short))).toBe(key);
      }),
      { seed, numRuns: cases(1000) },
    );
  });

  test.each([
    ["125 in 16 bits", "00 7d", LENGTH_16, BadLength.notMinimal],
    ["126 in 16 bits", "00 7e", LENGTH_16, 126],
    ["65,535 in 64 bits", "00 00 00 00 00 00 ff ff", LENGTH_64, BadLength.notMinimal],
    ["65,536 in 64 bits", "00 00 00 00 00 01 00 00", LENGTH_64, 65_536],
    ["the highest bit set", "80 00 00 00 00 00 00 00", LENGTH_64, BadLength.signed],
  ])("is checked as RFC 6455 5.2 says: %s", (_name, bytes, short, expected) => {
    expect(readExtendedLength(hex(bytes), 0, short)).toBe(expected);
  });

  test.each([
    [0, 0],
    [125, 0],
    [126, 2],
    [127, 8],
  ])("whose seven bits are %d has %d bytes more", (short, size) => {
    expect(extendedLengthSize(short)).toBe(size);
  });
});
