import { expect, test } from "vitest";
import { compressorFor } from "../../../src/connection/sending/compressors.ts";

const settings = { threshold: 10, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const agreed = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};
const TEXT = "text text text text text text";

test("connections without a history share one compressor for each window", () => {
  const first = compressorFor(settings, agreed, "server")!;
  expect(compressorFor(settings, agreed, "server")).toBe(first);
  expect(compressorFor(settings, { ...agreed, serverMaxWindowBits: 12 }, "server")).toBe(first);
  expect(compressorFor({ ...settings }, agreed, "server")).not.toBe(first);
  const small = compressorFor(settings, { ...agreed, serverMaxWindowBits: 9 }, "server")!;
  expect(small).not.toBe(first);
  expect([small.threshold, small.alone === first.alone]).toEqual([10, false]);
});

test("connections with a history share a pool, and a deflater for what many of them get", () => {
  const withPool = { ...settings, pool: 2 };
  const takeover = { ...agreed, serverNoContextTakeover: false };
  const [one, other] = [0, 1].map(() => compressorFor(withPool, takeover, "server")!);
  expect(one).not.toBe(other);
  expect(one!.alone).toBe(other!.alone);
  const sizes = [one, other, one, other].map((compressor) => compressor!.compress(TEXT)!.length);
  expect(sizes[0]).toBe(sizes[1]);
  expect(sizes[2]).toBeLessThan(sizes[0]!);
  // A peer that wants no history gets none.
  const plain = compressorFor(withPool, agreed, "server")!;
  expect([0, 1].map(() => plain.compress(TEXT)!.length)).toEqual([sizes[0], sizes[0]]);
});
