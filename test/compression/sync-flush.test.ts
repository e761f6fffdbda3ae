import { describe, expect, test } from "vitest";
import { TAIL, boundOf, checkMemory, hasFlush, isComplete } from "../../src/compression/sync-flush.ts";
import { hex } from "./samples.ts";

describe("a sync flush", () => {
  test("is completed by the four bytes that were removed, and then the data ends (RFC 7692 7.2.2)", () => {
    expect(Buffer.from(TAIL).toString("hex")).toBe("0000ffff010000ffff00");
  });

  test("makes no message longer than its bound", () => {
    // DEFLATE: at most 9 bits for a byte in a block with a fixed code, and a flush has less than 64 bytes.
    for (const size of [0, 1, 100, 1024, 1e6, 2 ** 33])
      expect(boundOf(size)).toBeGreaterThanOrEqual((size * 9) / 8 + 64);
  });

  test.each([
    ["f2 48 cd c9 c9 07 00", false],
    ["f2 48 cd c9 c9 07 00 00 00 ff ff", true],
    ["00 00 ff ff", false],
    ["00 00 00 ff ff", true],
    ["00 00 01 ff ff", false],
    ["00 01 00 ff ff", false],
    ["00 00 00 fe ff", false],
    ["00 00 00 ff fe", false],
    ["", false],
  ])("that was not removed is seen: %s", (payload, expected) => {
    expect(hasFlush(hex(payload), 0, hex(payload).length)).toBe(expected);
    const within = hex(`ff${payload}ff`);
    expect(hasFlush(within, 1, within.length - 1)).toBe(expected);
  });

  test("ends a payload if zlib reads all but the last byte of the tail, or nothing of it", () => {
    expect([0, 1, 2, 9, 10].map((unread) => isComplete(unread, 0))).toEqual([false, true, false, false, true]);
    expect([0, 1, 2, 5, 6, 10].map((unread) => isComplete(unread, 4))).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  test("is made only of memory that is there", () => {
    checkMemory("HWS_SEND_FAILED", hex("00 00"), 2);
    for (const code of ["HWS_SEND_FAILED", "HWS_MEMORY_TRANSFERRED"] as const)
      expect(() => {
        checkMemory(code, hex("00 00"), 3);
      }).toThrow(expect.objectContaining({ code }) as Error);
  });
});
