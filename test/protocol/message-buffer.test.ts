import { EMPTY } from "../../src/protocol/bytes.ts";
import { describe, expect, test } from "vitest";
import { asBytes } from "../../src/protocol/bytes.ts";
import { MessageBuffer } from "../../src/protocol/message-buffer.ts";
import { fill, hex, toHex } from "../support/bytes.ts";

const GIB = 1024 ** 3;

function content(gather: MessageBuffer): string {
  return toHex(gather.bytes.subarray(0, gather.length));
}

describe("a message buffer", () => {
  test.each([true, false])("joins the pieces in order (fragmented: %s)", (fragmented) => {
    const gather = new MessageBuffer(fragmented);
    gather.append(hex("aa 01 02 bb"), 1, 3, 4);
    gather.append(hex("03"), 0, 1, 3);
    gather.append(hex("04 05 06 cc"), 0, 3, 0);
    expect(gather).toHaveLength(6);
    expect(content(gather)).toBe("010203040506");
  });

  test("keeps a copy: the piece may change afterwards", () => {
    const gather = new MessageBuffer(false);
    const piece = hex("01 02");
    gather.append(piece, 0, 2, 0);
    piece.fill(0xff);
    expect(content(gather)).toBe("0102");
  });

  test("is empty at first, and stays so after an empty piece", () => {
    const gather = new MessageBuffer(true);
    gather.append(hex("01"), 1, 1, GIB);
    expect(gather).toHaveLength(0);
    expect(gather.bytes).toHaveLength(0);
  });
});

describe("the memory of a message buffer", () => {
  test("is not reserved for a length alone", () => {
    expect(new MessageBuffer(false).bytes).toHaveLength(0);
    expect(new MessageBuffer(true).bytes).toHaveLength(0);
  });

  test("is one read of the socket at most when a byte of a gibibyte has come", () => {
    const gather = new MessageBuffer(false);
    gather.append(hex("01"), 0, 1, GIB);
    expect(gather.bytes).toHaveLength(65_536);
  });

  test("is exact for a short frame after its first byte", () => {
    const gather = new MessageBuffer(false);
    gather.append(hex("01"), 0, 1, 99);
    expect(gather.bytes).toHaveLength(100);
  });

  test("is exact for a frame after a quarter of its bytes", () => {
    const gather = new MessageBuffer(false);
    gather.append(fill(1, 65_536), 0, 65_536, 196_608);
    expect(gather.bytes).toHaveLength(262_144);
    const memory = gather.bytes;
    for (let left = 196_608 - 65_536; left >= 0; left -= 65_536) gather.append(fill(2, 65_536), 0, 65_536, left);
    expect(gather.bytes).toBe(memory);
    expect(gather).toHaveLength(262_144);
  });

  test.each([
    ["a long frame in short reads", false, 1000, (at: number) => 3_000_000 - at],
    ["a long frame in long reads", false, 65_536, (at: number) => 3_000_000 - at],
    ["short fragments", true, 7, () => 0],
    ["fragments that are cut", true, 1000, () => 500],
    ["fragments that announce a gibibyte", true, 1000, () => GIB],
  ])("grows with what has come, and seldom: %s", (_what, fragmented, size, expected) => {
    const gather = new MessageBuffer(fragmented);
    const piece = fill(7, size);
    const memories = new Set([gather.bytes]);
    for (let at = size; at <= 1_000_000; at += size) {
      gather.append(piece, 0, size, expected(at));
      memories.add(gather.bytes);
      if (gather.bytes.length > Math.max(65_536, 4 * gather.length)) break;
    }
    expect(gather.bytes.length).toBeLessThanOrEqual(4 * gather.length);
    expect(gather.length).toBeGreaterThan(999_999 - size);
    // Doubling from 7 bytes to a million takes 18 steps: copying is linear.
    expect(memories.size).toBeLessThanOrEqual(20);
    expect(gather.bytes.subarray(0, gather.length).every((byte) => byte === 7)).toBe(true);
  });
});

test("is never more than the message's limit, also after doubling", () => {
  const gather = new MessageBuffer(true, { maxLength: 100_000 });
  for (let sent = 0; sent < 100_000; sent += 1000) gather.append(asBytes(Buffer.alloc(1000, 7)), 0, 1000, 0);
  expect(gather.length).toBe(100_000);
  expect(gather.bytes.byteLength).toBe(100_000);
});

test("an empty message has bytes of its own: an application may transfer them, and nobody else loses any", () => {
  const { bytes } = new MessageBuffer(true);
  expect(bytes).toHaveLength(0);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
  expect(new MessageBuffer(true).bytes).toHaveLength(0);
  expect(EMPTY.slice(0)).toHaveLength(0);
});
