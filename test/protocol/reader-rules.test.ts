import { expect, test } from "vitest";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { utf8 } from "../support/bytes.ts";

test("a server's reader requires masks and a client's does not", () => {
  expect(new ReaderRules({ role: "server" }).expectsMasked).toBe(true);
  expect(new ReaderRules({ role: "client" }).expectsMasked).toBe(false);
});

test("a message may have a mebibyte by default", () => {
  expect(new ReaderRules({ role: "server" }).maxMessageSize).toBe(1_048_576);
  expect(new ReaderRules({ role: "server", maxMessageSize: 7 }).maxMessageSize).toBe(7);
});

test("a message may have 16,384 fragments by default", () => {
  expect(new ReaderRules({ role: "server", maxMessageSize: 7 }).maxFragments).toBe(16_384);
  expect(new ReaderRules({ role: "server", maxFragments: 7 }).maxFragments).toBe(7);
});

test("short texts become strings if this is requested, frames are masked, and every short text is within the limit", () => {
  expect(new ReaderRules({ role: "server" }).batchesShortTexts).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true }).batchesShortTexts).toBe(true);
  expect(new ReaderRules({ role: "client", textAsString: true }).batchesShortTexts).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 125 }).batchesShortTexts).toBe(true);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 124 }).batchesShortTexts).toBe(false);
});

test("texts are borrowed when they become strings at once, short or not", () => {
  expect(new ReaderRules({ role: "server" }).borrowsText).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 1 }).borrowsText).toBe(true);
});

test("a text is checked by the platform if it has a check, and by the engine otherwise", () => {
  const asked: number[] = [];
  const isUtf8 = (bytes: Uint8Array): boolean => {
    asked.push(bytes.length);
    return true;
  };
  const text = utf8("é".repeat(100));
  expect(new ReaderRules({ role: "server", isUtf8 }).checkUtf8(text, 0, text.length, 0)).toBe(0);
  expect(asked).not.toEqual([]);
  asked.length = 0;
  expect(new ReaderRules({ role: "server" }).checkUtf8(text, 0, text.length, 0)).toBe(0);
  expect(new ReaderRules({ role: "server" }).checkUtf8(text, 1, text.length, 0)).toBe(-1);
  expect(asked).toEqual([]);
});
