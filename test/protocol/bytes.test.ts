import { describe, expect, test } from "vitest";
import { allocate } from "../../src/protocol/bytes.ts";
import { hex, toHex } from "../support/bytes.ts";

describe("allocate", () => {
  test.each([0, 1, 100, 4096, 70_000])("makes %i bytes of memory that no other buffer shares", (size) => {
    const bytes = allocate(size);
    expect(bytes).toHaveLength(size);
    expect(bytes.byteOffset).toBe(0);
    expect(bytes.buffer.byteLength).toBe(size);
  });
});

describe("bytes", () => {
  test("are read as text, a character a byte or as UTF-8", () => {
    const bytes = hex("00 41 c3 a9 00");
    expect(bytes.latin1Slice(1, 4)).toBe("A\u00c3\u00a9");
    expect(bytes.utf8Slice(1, 4)).toBe("A\u00e9");
  });

  test("are written as UTF-8, a lone surrogate as U+FFFD", () => {
    const bytes = allocate(8);
    bytes.fill(0);
    expect(bytes.utf8Write("\u00e9\ud800", 1)).toBe(5);
    expect(toHex(bytes)).toBe("00c3a9efbfbd0000");
  });

  test("share their memory with a part of them", () => {
    const bytes = hex("01 02 03");
    bytes.subarray(1, 2)[0] = 9;
    expect(toHex(bytes)).toBe("010903");
  });
});
