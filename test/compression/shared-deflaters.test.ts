import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sharedDeflater } from "../../src/compression/shared-deflaters.ts";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { json, readBack } from "./samples.ts";

afterEach(() => {
  setZlibWay(undefined);
});

describe.each(["kept", "one-shot"] as const)("by the way %s, a shared deflater", (way) => {
  beforeEach(() => {
    setZlibWay(way);
  });

  test("is one for all that compress alike", () => {
    const deflater = sharedDeflater({ level: 6, memLevel: 5, windowBits: 12 });
    expect(sharedDeflater({ level: 6, memLevel: 5, windowBits: 12 })).toBe(deflater);
    const others = [
      { level: 5, memLevel: 5, windowBits: 12 },
      { level: 6, memLevel: 6, windowBits: 12 },
      { level: 6, memLevel: 5, windowBits: 13 },
    ].map(sharedDeflater);
    expect(new Set([deflater, ...others]).size).toBe(4);
  });

  test("compresses each message by itself, so that nothing of one is in the next", () => {
    const deflater = sharedDeflater({ level: 6, memLevel: 5, windowBits: 12 });
    const message = json(1024);
    const first = Buffer.from(deflater.deflate(message, 0, message.length));
    for (let i = 0; i < 3; i++) expect(first.equals(deflater.deflate(message, 0, message.length))).toBe(true);
    expect(readBack(first).equals(message)).toBe(true);
    deflater.reset();
    expect(first.equals(deflater.deflate(message, 0, message.length))).toBe(true);
  });

  test("has a result that stays until its next call, whatever other deflaters do", () => {
    const message = json(1024);
    const blocks = sharedDeflater({ level: 6, memLevel: 5, windowBits: 12 }).deflate(message, 0, message.length);
    sharedDeflater({ level: 1, memLevel: 9, windowBits: 15 }).deflate(json(5000), 0, 5000);
    expect(readBack(blocks).equals(message)).toBe(true);
  });
});
