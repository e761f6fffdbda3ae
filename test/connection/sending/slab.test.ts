import { describe, expect, test } from "vitest";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { slabFor } from "../../../src/connection/sending/slab.ts";

describe("a slab", () => {
  test("gives the asked bytes after those in use", () => {
    const slab = slabFor(100);
    expect(slab.bytes.length - slab.used).toBeGreaterThanOrEqual(100);
  });

  test("is the same until it is full", () => {
    const slab = slabFor(1);
    expect(slabFor(slab.bytes.length - slab.used)).toBe(slab);
  });

  test("that is full is replaced by an empty one, and does not change", () => {
    const full = slabFor(1);
    full.used = full.bytes.length;
    const next = slabFor(1);
    expect(next).not.toBe(full);
    expect(next.used).toBe(0);
    expect(next.bytes.buffer).not.toBe(full.bytes.buffer);
    expect(full.used).toBe(full.bytes.length);
  });

  test("that is too small for a cut is replaced, even if a smaller cut would fit", () => {
    const nearly = slabFor(1);
    nearly.used = nearly.bytes.length - 10;
    expect(slabFor(10)).toBe(nearly);
    expect(slabFor(11)).not.toBe(nearly);
  });

  test("holds several of the largest cuts", () => {
    const slab = slabFor(MAX_COPIED);
    expect(slab.bytes.length).toBeGreaterThanOrEqual(2 * MAX_COPIED);
  });
});
