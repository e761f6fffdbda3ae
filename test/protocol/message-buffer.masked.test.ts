import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { MessageBuffer } from "../../src/protocol/message-buffer.ts";
import { rotateKey } from "../../src/protocol/mask.ts";
import { fill, hex, toHex } from "../support/bytes.ts";
import { cases, seed } from "../support/fuzz.ts";

const GIB = 1024 ** 3;
const KEY = 0x3d21fa37;

/** Padding before the message, so that its offset modulo eight is the same as in the chunk. */
const MOVED = 7;

/** Various bytes that differ between near places. */
function plain(length: number, salt: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) * 13 + salt) & 0xff));
}

/** `bytes` as on the wire, at `offset + start` of memory that begins at a multiple of eight. */
function chunkOf(bytes: Uint8Array, key: number, offset: number, start: number): Bytes {
  const chunk = asBytes(Buffer.alloc(offset + start + bytes.length + 5, 0xee)).subarray(offset);
  for (let i = 0; i < bytes.length; i++) chunk[start + i] = bytes[i]! ^ ((key >>> (8 * (i % 4))) & 0xff);
  return chunk;
}

/** All memory of a message buffer. */
function reserved(gather: MessageBuffer): number {
  return gather.bytes.buffer.byteLength;
}

/** The maximum of that memory. */
function bound(gather: MessageBuffer): number {
  return Math.max(65_536, 4 * gather.length) + MOVED;
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 40 }) },
  { weight: 4, arbitrary: fc.integer({ min: 1000, max: 1100 }) },
  { weight: 3, arbitrary: fc.integer({ min: 8, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_530, max: 140_000 }) },
);

/** A piece of a frame, and its place in memory. */
const piece = fc.record({ size, offset: fc.nat({ max: 7 }), start: fc.nat({ max: 14 }) });

const frame = fc.record({
  key: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  pieces: fc.array(piece, { minLength: 1, maxLength: 6 }),
});

describe("a message buffer of masked pieces", () => {
  test("joins any pieces of any frames, and reserves little more memory than has come", () => {
    const property = fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), (frames) => {
      const gather = new MessageBuffer(frames.length > 1);
      const message: Uint8Array[] = [];
      for (const { key, pieces } of frames) {
        let left = pieces.reduce((sum, { size }) => sum + size, 0);
        let turned = key;
        for (const { size, offset, start } of pieces) {
          const bytes = plain(size, message.length);
          const chunk = chunkOf(bytes, turned, offset, start);
          left -= size;
          gather.appendMasked(chunk, start, start + size, left, turned);
          // The caller may reuse the chunk now.
          chunk.fill(0xee);
          turned = rotateKey(turned, size);
          message.push(bytes);
          expect(reserved(gather)).toBeLessThanOrEqual(bound(gather));
        }
      }
      const all = Buffer.concat(message);
      expect(gather).toHaveLength(all.length);
      expect(Buffer.compare(gather.bytes.subarray(0, gather.length), all)).toBe(0);
    });
    fc.assert(property, { seed, numRuns: cases(300) });
  });

  test("begins at any place in its memory, modulo eight, and reports it", () => {
    for (let offset = 0; offset < 8; offset++) {
      for (let start = 0; start < 8; start++) {
        const gather = new MessageBuffer(false);
        const [first, second] = [plain(1500, 1), plain(3001, 2)];
        gather.appendMasked(chunkOf(first, KEY, offset, start), start, start + 1500, 3001, KEY);
        const turned = rotateKey(KEY, 1500);
        gather.appendMasked(chunkOf(second, turned, start, offset), offset, offset + 3001, 0, turned);
        expect(toHex(gather.bytes.subarray(0, gather.length))).toBe(toHex(Buffer.concat([first, second])));
        expect(gather.bytes).toHaveLength(4501);
      }
    }
  });

  test("gives the same result for masked and unmasked pieces", () => {
    const gather = new MessageBuffer(true);
    gather.appendMasked(chunkOf(hex("01 02 03"), KEY, 1, 2), 2, 5, 0, KEY);
    gather.append(hex("aa 04 05"), 1, 3, 0);
    gather.appendMasked(chunkOf(plain(70_000, 0), KEY, 3, 4), 4, 70_004, 0, KEY);
    expect(
      Buffer.compare(gather.bytes.subarray(0, gather.length), Buffer.concat([hex("01 02 03 04 05"), plain(70_000, 0)])),
    ).toBe(0);
  });

  test("is empty after an empty piece", () => {
    const gather = new MessageBuffer(true);
    gather.appendMasked(hex("01 02"), 1, 1, GIB, KEY);
    expect(gather).toHaveLength(0);
    expect(gather.bytes).toHaveLength(0);
  });
});

describe("the memory of a masked message", () => {
  test.each([0, 1, 7])("is one read of the socket at most when a byte of a gibibyte has come at %i", (at) => {
    const gather = new MessageBuffer(false);
    gather.appendMasked(chunkOf(hex("01"), KEY, 0, at), at, at + 1, GIB, KEY);
    expect(reserved(gather)).toBeLessThanOrEqual(65_536 + MOVED);
    expect(toHex(gather.bytes.subarray(0, 1))).toBe("01");
  });

  test.each([
    ["a long frame in short reads", false, 1000, (at: number) => 1_000_000 - at],
    ["a long frame in long reads", false, 65_536, (at: number) => 3_000_000 - at],
    ["short fragments", true, 7, () => 0],
    ["fragments that are cut", true, 1000, () => 500],
    ["fragments that announce a gibibyte", true, 1000, () => GIB],
  ])("grows with what has come, and seldom: %s", (_what, fragmented, size, expected) => {
    const gather = new MessageBuffer(fragmented);
    const chunk = chunkOf(fill(7, size), KEY, 5, 0);
    const memories = new Set<ArrayBufferLike>();
    let largest = 0;
    for (let at = size; at <= 1_000_000; at += size) {
      gather.appendMasked(chunk, 0, size, Math.max(0, expected(at)), KEY);
      memories.add(gather.bytes.buffer);
      largest = Math.max(largest, reserved(gather) - bound(gather));
    }
    expect(largest).toBeLessThanOrEqual(0);
    expect(gather.length).toBeGreaterThan(999_999 - size);
    // Doubling from 7 bytes to a million takes 18 steps: copying is linear.
    expect(memories.size).toBeLessThanOrEqual(20);
    expect(gather.bytes.subarray(0, gather.length).every((byte) => byte === 7)).toBe(true);
  });
});
