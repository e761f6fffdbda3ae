import { expect, test } from "vitest";
import { DEFAULT_COMPRESSION, MAX_INFLATED_IN_TURN, THREAD_POOL_FROM } from "../../src/compression/settings.ts";
import { createDeflater, sharedInflater } from "../../src/compression/zlib.ts";
import { asBytes, copyOf } from "../../src/protocol/bytes.ts";
import { json, noise, readBack } from "./samples.ts";

test("the default settings are zlib's, keep no history, and make JSON smaller than half", () => {
  const message = json(1024);
  const blocks = createDeflater(DEFAULT_COMPRESSION).deflate(message, 0, message.length);
  expect(readBack(blocks).equals(message)).toBe(true);
  expect(blocks.length).toBeLessThan(message.length / 2);
  expect(DEFAULT_COMPRESSION.pool).toBe(0);
});

test("what is compressed or decompressed in the turn uses memory that is kept for the next message", () => {
  const deflater = createDeflater(DEFAULT_COMPRESSION);
  const message = noise(THREAD_POOL_FROM - 1);
  const { buffer } = deflater.deflate(message, 0, message.length);
  expect(deflater.deflate(message, 0, message.length).buffer).toBe(buffer);
  const large = asBytes(Buffer.alloc(MAX_INFLATED_IN_TURN));
  const payload = copyOf(createDeflater(DEFAULT_COMPRESSION).deflate(large, 0, large.length));
  const read = (): unknown => {
    const found = sharedInflater.inflate(payload, 0, payload.length, MAX_INFLATED_IN_TURN);
    return typeof found === "string" ? found : found.buffer;
  };
  const memory = read();
  expect(memory).toBeInstanceOf(ArrayBuffer);
  expect(read()).toBe(memory);
});
