import { expect, test } from "vitest";
import { DEFAULT_COMPRESSION } from "../../src/compression/settings.ts";
import { createDeflater } from "../../src/compression/zlib.ts";
import { json, readBack } from "./samples.ts";

test("the default settings are zlib's, keep no history, and make JSON smaller than half", () => {
  const message = json(1024);
  const blocks = createDeflater(DEFAULT_COMPRESSION).deflate(message, 0, message.length);
  expect(readBack(blocks).equals(message)).toBe(true);
  expect(blocks.length).toBeLessThan(message.length / 2);
  expect(DEFAULT_COMPRESSION.pool).toBe(0);
});
