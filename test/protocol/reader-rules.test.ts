import { isAscii } from "node:buffer";
import { expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { fill, utf8 } from "../support/bytes.ts";

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

test.each([10, 2047, 2048, 100_000])("%i bytes of a text are unmasked, and known as ASCII or not", (length) => {
  const key = 0x0d0c0b0a;
  const masked = (text: Uint8Array): Bytes =>
    asBytes(Buffer.from(text.map((byte, i) => byte ^ ((key >>> (8 * (i % 4))) & 0xff))));
  for (const rules of [new ReaderRules({ role: "server" }), new ReaderRules({ role: "server", isAscii })]) {
    const [plain, other] = [fill(0x61, length), fill(0x61, length)];
    other[length - 1] = 0x80;
    const [one, two] = [masked(plain), masked(other)];
    expect(rules.unmaskText(one, 0, length, key)).toBeLessThan(0x80);
    expect(rules.unmaskText(two, 0, length, key)).toBeGreaterThanOrEqual(0x80);
    expect([Buffer.compare(one, plain), Buffer.compare(two, other)]).toEqual([0, 0]);
  }
});
