import { expect, test } from "vitest";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { compressedFrameIfRepeated } from "../../../src/connection/sending/repeated-text.ts";
import { turns } from "../../support/wire.ts";

const settings = { threshold: 0, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const compressor = new MessageCompressor(settings, sharedDeflater(settings));
const TEXT = "text text text text text text text text";

test("a text has a frame from its second time on, until another text, another window or the next turn", async () => {
  expect(compressedFrameIfRepeated(TEXT, compressor)).toBeUndefined();
  const frame = compressedFrameIfRepeated(TEXT, compressor);
  expect(frame?.[0]).toBe(0xc1);
  expect(compressedFrameIfRepeated([TEXT].join(""), compressor)).toBe(frame);
  const other = { ...settings, windowBits: 9 };
  expect(compressedFrameIfRepeated(TEXT, new MessageCompressor(other, sharedDeflater(other)))).toBeUndefined();
  expect(compressedFrameIfRepeated(TEXT, compressor)).toBeUndefined();
  expect(compressedFrameIfRepeated("other", compressor)).toBeUndefined();
  expect(compressedFrameIfRepeated(TEXT, compressor)).toBeUndefined();
  await turns();
  expect(compressedFrameIfRepeated(TEXT, compressor)).toBeUndefined();
});

test("a text that does not get smaller has none", () => {
  for (let i = 0; i < 3; i++) expect(compressedFrameIfRepeated("x", compressor)).toBeUndefined();
});
