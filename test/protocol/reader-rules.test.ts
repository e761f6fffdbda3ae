import { expect, test } from "vitest";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { utf8 } from "../support/bytes.ts";

test("a server's reader wants masks and a client's does not", () => {
  expect(new ReaderRules({ role: "server" }).masked).toBe(true);
  expect(new ReaderRules({ role: "client" }).masked).toBe(false);
});

test("a message may have a mebibyte unless it is said otherwise", () => {
  expect(new ReaderRules({ role: "server" }).maxMessageSize).toBe(1_048_576);
  expect(new ReaderRules({ role: "server", maxMessageSize: 7 }).maxMessageSize).toBe(7);
});

test("a message may have 16,384 fragments unless it is said otherwise", () => {
  expect(new ReaderRules({ role: "server", maxMessageSize: 7 }).maxFragments).toBe(16_384);
  expect(new ReaderRules({ role: "server", maxFragments: 7 }).maxFragments).toBe(7);
});

test("short texts become strings where that is asked for, of masked frames, and where every short text is allowed", () => {
  expect(new ReaderRules({ role: "server" }).joinsShortTexts).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true }).joinsShortTexts).toBe(true);
  expect(new ReaderRules({ role: "client", textAsString: true }).joinsShortTexts).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 125 }).joinsShortTexts).toBe(true);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 124 }).joinsShortTexts).toBe(false);
});

test("texts are passing wherever they become strings at once, short or not", () => {
  expect(new ReaderRules({ role: "server" }).borrowsText).toBe(false);
  expect(new ReaderRules({ role: "server", textAsString: true, maxMessageSize: 1 }).borrowsText).toBe(true);
});

test("a text is checked by the platform where there is something to ask, and by the engine where there is not", () => {
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
