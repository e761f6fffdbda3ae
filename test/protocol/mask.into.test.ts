import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { maskInto } from "../../src/protocol/mask.ts";
import { cases, seed } from "../support/fuzz.ts";

/** RFC 6455 5.7: 37 fa 21 3d, first byte lowest. */
const KEY = 0x3d21fa37;

/** Bytes around the unmasked ones, which must not change. */
const MARGIN = 16;

/** Where the bytes begin in their views: at different offsets, so that a mix-up is found. */
const [FROM, TO] = [3, 13];

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

/** A view at `offset` of memory that begins at a multiple of eight, with some of everything in it. */
function memoryAt(offset: number, size: number, salt: number): Bytes {
  const memory = asBytes(Buffer.alloc(offset + size));
  for (let i = 0; i < memory.length; i++) memory[i] = (i * 7 + (i >>> 8) * 13 + salt) & 0xff;
  expect(memory.byteOffset % 8).toBe(0);
  return memory.subarray(offset);
}

/** RFC 6455 5.3, literally, from one memory into another. */
function byTheBook(target: Bytes, at: number, bytes: Bytes, start: number, end: number, key: number): Buffer {
  const result = Buffer.from(target);
  for (let i = 0; i < end - start; i++) result[at + i] = bytes[start + i]! ^ ((key >>> (8 * (i % 4))) & 0xff);
  return result;
}

/** The error after unmasking `length` bytes into other memory. */
function wrongInto(sourceOffset: number, targetOffset: number, length: number, key: number): string[] {
  const source = memoryAt(sourceOffset, FROM + length + MARGIN, 1);
  const target = memoryAt(targetOffset, TO + length + MARGIN, 99);
  const before = Buffer.from(source);
  const expected = byTheBook(target, TO, source, FROM, FROM + length, key);
  maskInto(target, TO, source, FROM, FROM + length, key);
  const where = `${length} bytes from ${sourceOffset} to ${targetOffset}`;
  if (Buffer.compare(target, expected) !== 0) return [`${where}: not what RFC 6455 5.3 says`];
  return Buffer.compare(source, before) === 0 ? [] : [`${where}: the source has changed`];
}

/** The error after unmasking `length` bytes in place. */
function wrongInPlace(offset: number, length: number, key: number): string[] {
  const memory = memoryAt(offset, FROM + length + MARGIN, 1);
  const expected = byTheBook(memory, FROM, memory, FROM, FROM + length, key);
  maskInto(memory, FROM, memory, FROM, FROM + length, key);
  return Buffer.compare(memory, expected) === 0 ? [] : [`${length} bytes at ${offset}`];
}

describe("unmasking into other memory", () => {
  test.each([
    ["short", range(0, 140)],
    ["about where eight bytes at a time begin", range(1000, 1100)],
    ["long", [4096, 65_535, 65_536, 65_550]],
  ])("follows RFC 6455 5.3 at each place in memory and touches nothing beside: %s", (_what, lengths) => {
    const wrong = range(0, 8).flatMap((from) =>
      range(0, 8).flatMap((to) => lengths.flatMap((length) => wrongInto(from, to, length, KEY))),
    );
    expect(wrong).toEqual([]);
  });

  test("follows RFC 6455 5.3 with any key", () => {
    const property = fc.property(
      fc.nat({ max: 8 }),
      fc.nat({ max: 8 }),
      fc.oneof(fc.nat({ max: 100 }), fc.integer({ min: 1000, max: 1100 })),
      fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
      (from, to, length, key) => {
        expect(wrongInto(from, to, length, key)).toEqual([]);
      },
    );
    fc.assert(property, { seed, numRuns: cases(500) });
  });

  test.each([0, -1, 0x8000_0000 | 0, 0x80, 0xff00_0000 | 0])("follows RFC 6455 5.3 with the key %i", (key) => {
    expect(range(0, 8).flatMap((at) => [...wrongInto(at, at + 2, 1061, key), ...wrongInPlace(at, 1061, key)])).toEqual(
      [],
    );
  });
});

describe("unmasking in place", () => {
  test.each([
    ["short", range(0, 140)],
    ["about where eight bytes at a time begin", range(1000, 1100)],
    ["long", [4096, 65_535, 65_536, 65_550]],
  ])("follows RFC 6455 5.3 at each place in memory and touches nothing beside: %s", (_what, lengths) => {
    expect(range(0, 8).flatMap((at) => lengths.flatMap((length) => wrongInPlace(at, length, KEY)))).toEqual([]);
  });

  test("may be told of the same place by two views", () => {
    for (const length of [5, 100, 1061]) {
      const memory = memoryAt(1, FROM + length + MARGIN, 1);
      const expected = byTheBook(memory, FROM, memory, FROM, FROM + length, KEY);
      maskInto(memory.subarray(2), FROM - 2, memory, FROM, FROM + length, KEY);
      expect(Buffer.compare(memory, expected)).toBe(0);
    }
  });
});
