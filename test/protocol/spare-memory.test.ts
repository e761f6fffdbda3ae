import { describe, expect, test } from "vitest";
import { allocate } from "../../src/protocol/bytes.ts";
import { MAX_SPARE_MEMORY } from "../../src/protocol/limits.ts";
import { keepSpareMemory, spareMemory, takeSpareMemory } from "../../src/protocol/spare-memory.ts";

const MIB = 1024 * 1024;

/** Takes everything that other tests have kept. */
function empty(): void {
  while (spareMemory() > 0) takeSpareMemory(64 * 1024);
}

describe("the memory of large texts", () => {
  test("is used again, for a text that is as long or shorter", () => {
    empty();
    const memory = allocate(MIB);
    keepSpareMemory(memory);
    expect(spareMemory()).toBe(MIB);
    expect(takeSpareMemory(MIB + 1).buffer).not.toBe(memory.buffer);
    expect(takeSpareMemory(MIB - 10).buffer).toBe(memory.buffer);
    expect(spareMemory()).toBe(0);
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
    expect(spareMemory()).toBe(MIB);
    expect(takeSpareMemory(MIB).buffer).toBe(memory.buffer);
  });

  test("is kept up to a limit for the whole process", () => {
    empty();
    for (let i = 0; i < 100; i++) keepSpareMemory(allocate(100_000));
    expect(spareMemory()).toBeGreaterThan(MAX_SPARE_MEMORY - 100_000);
    expect(spareMemory()).toBeLessThanOrEqual(MAX_SPARE_MEMORY);
    empty();
    keepSpareMemory(allocate(MAX_SPARE_MEMORY + 1));
    expect(spareMemory()).toBe(0);
  });

  test("is not kept if it is small: the allocator has such memory at hand", () => {
    empty();
    const memory = allocate(1000);
    keepSpareMemory(memory);
    expect(spareMemory()).toBe(0);
    keepSpareMemory(allocate(MIB));
    expect(takeSpareMemory(1000)).toHaveLength(1000);
    empty();
  });
});
