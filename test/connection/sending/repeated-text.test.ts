import { expect, test } from "vitest";
import type { Deflater } from "../../../src/compression/codec.ts";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { noteCompressedText, repeatedText } from "../../../src/connection/sending/repeated-text.ts";
import { turns } from "../../support/wire.ts";

const settings = { threshold: 0, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const deflater = sharedDeflater(settings);
const compressor = new MessageCompressor(settings, deflater);
const TEXT = "text text text text text text text text";

/** A deflater that must not be used. */
const unused: Deflater = {
  deflate: () => expect.fail("compressed again"),
  reset: () => undefined,
};

test("a text is known from its second time on, until another text, another window or the next turn", async () => {
  expect(repeatedText(TEXT, compressor)).toBeUndefined();
  const { frame } = repeatedText(TEXT, compressor)!;
  expect(frame?.[0]).toBe(0xc1);
  expect(repeatedText([TEXT].join(""), compressor)?.frame).toBe(frame);
  const other = { ...settings, windowBits: 9 };
  expect(repeatedText(TEXT, new MessageCompressor(other, sharedDeflater(other)))).toBeUndefined();
  expect(repeatedText(TEXT, compressor)).toBeUndefined();
  expect(repeatedText("other", compressor)).toBeUndefined();
  expect(repeatedText(TEXT, compressor)).toBeUndefined();
  await turns();
  expect(repeatedText(TEXT, compressor)).toBeUndefined();
});

test("a text that was compressed by itself is not compressed again", () => {
  const once = new MessageCompressor(settings, unused);
  expect(repeatedText(TEXT, once)).toBeUndefined();
  const compressed = compressor.compress(TEXT)!;
  noteCompressedText(compressed);
  const frame = repeatedText(TEXT, once)?.frame;
  expect(frame?.subarray(2)).toEqual(compressed);
  expect(repeatedText(TEXT, once)?.frame).toBe(frame);
});

test("a text that does not get smaller has no frame, and is tried once", () => {
  const once = new MessageCompressor(settings, unused);
  expect(repeatedText("x", once)).toBeUndefined();
  noteCompressedText(undefined);
  for (let i = 0; i < 3; i++) expect(repeatedText("x", once)).toMatchObject({ frame: undefined });
});
