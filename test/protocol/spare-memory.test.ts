import { describe, expect, test } from "vitest";
import { allocate } from "../../src/protocol/bytes.ts";
import { MAX_SPARE_MEMORY } from "../../src/protocol/limits.ts";
import { keepSpareMemory, takeSpareMemory } from "../../src/protocol/spare-memory.ts";

const MIB = 1024 * 1024;

/** Lets nothing be kept of what other tests have used. */
function empty(): void {
  keepSpareMemory(allocate(MAX_SPARE_MEMORY));
  takeSpareMemory(MAX_SPARE_MEMORY);
}

describe("the memory of large texts", () => {
  test("is used again, for a text that is as long or shorter", () => {
    empty();
    const memory = allocate(MIB);
    keepSpareMemory(memory);
    expect(takeSpareMemory(MIB + 1).buffer).not.toBe(memory.buffer);
    expect(takeSpareMemory(MIB - 10).buffer).toBe(memory.buffer);
    expect(takeSpareMemory(MIB - 10).buffer).not.toBe(memory.buffer);
  });

  test("is not used for a text of less than four fifths of it: what waits would need more memory than is counted", () => {
    empty();
    keepSpareMemory(allocate(1_000_000));
    expect(takeSpareMemory(65_600).length).toBeLessThanOrEqual(65_600 + 4096);
    expect(takeSpareMemory(799_999).length).toBeLessThanOrEqual(800_000 + 4096);
    expect(takeSpareMemory(800_000)).toHaveLength(1_000_000);
  });

  test("is new if none is kept, and has a page at most more than what was asked for", () => {
    empty();
    expect(takeSpareMemory(100_000)).toHaveLength(102_400);
    expect(takeSpareMemory(102_400)).toHaveLength(102_400);
  });

  test("is kept whole if only a part of it was used", () => {
    empty();
    const memory = takeSpareMemory(MIB);
    keepSpareMemory(memory.subarray(0, 1000));
    expect(takeSpareMemory(MIB).buffer).toBe(memory.buffer);
  });

  test("is kept up to a limit for the whole process: the latest stays", () => {
    empty();
    const all = Array.from({ length: 100 }, () => allocate(100_000));
    for (const memory of all) keepSpareMemory(memory);
    const again = Array.from({ length: 100 }, () => takeSpareMemory(100_000).buffer);
    const kept = all.filter(({ buffer }) => again.includes(buffer));
    expect(kept).toEqual(all.slice(-Math.floor(MAX_SPARE_MEMORY / 100_000)));
  });

  test("is not kept if there is too much of it, and drops nothing then", () => {
    empty();
    const memory = allocate(MIB);
    keepSpareMemory(memory);
    keepSpareMemory(allocate(MAX_SPARE_MEMORY + 1));
    expect(takeSpareMemory(MIB).buffer).toBe(memory.buffer);
  });

  test("is not kept if it is small: the allocator has such memory at hand", () => {
    empty();
    const memory = allocate(65_535);
    keepSpareMemory(memory);
    expect(takeSpareMemory(65_535).buffer).not.toBe(memory.buffer);
    expect(takeSpareMemory(65_536).buffer).not.toBe(memory.buffer);
  });
});
