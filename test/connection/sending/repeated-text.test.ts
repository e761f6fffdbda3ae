import { expect, test } from "vitest";
import type { Deflater } from "../../../src/compression/codec.ts";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { noteText } from "../../../src/connection/sending/repeated-text.ts";
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

test("a text is repeated from its second time on, until another text, another window or the next turn", async () => {
  const isRepeated = (text: string, by = compressor): boolean => noteText(text, by).isRepeated;
  expect(isRepeated(TEXT)).toBe(false);
  const first = noteText(TEXT, compressor);
  expect(first.isRepeated).toBe(true);
  expect(first.frame?.[0]).toBe(0xc1);
  expect(noteText([TEXT].join(""), compressor)).toBe(first);
  const other = { ...settings, windowBits: 9 };
  expect(isRepeated(TEXT, new MessageCompressor(other, sharedDeflater(other)))).toBe(false);
  expect(isRepeated(TEXT)).toBe(false);
  expect(isRepeated("other")).toBe(false);
  expect(isRepeated(TEXT)).toBe(false);
  await turns();
  expect(isRepeated(TEXT)).toBe(false);
});

test("a text that was compressed by itself is not compressed again", () => {
  const once = new MessageCompressor(settings, unused);
  const text = noteText(TEXT, once);
  const compressed = compressor.compress(TEXT)!;
  text.noteCompressed(compressed);
  const { frame } = noteText(TEXT, once);
  expect(frame?.subarray(2)).toEqual(compressed);
  expect(noteText(TEXT, once).frame).toBe(frame);
});

test("a text that does not get smaller has no frame, and is tried once", () => {
  const once = new MessageCompressor(settings, unused);
  noteText("x", once).noteCompressed(undefined);
  for (let i = 0; i < 3; i++) expect(noteText("x", once)).toMatchObject({ isRepeated: true, frame: undefined });
});
