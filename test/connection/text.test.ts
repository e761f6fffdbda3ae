import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { forgetText, repeatedFrame, textFrame, writeText } from "../../src/connection/text.ts";
import { atTurnEnd } from "../../src/connection/turn.ts";
import { fill, join, toHex, utf8 } from "../support/bytes.ts";
import { encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { turns } from "../support/wire.ts";

/** A server's frame of a text, written by nothing of src/. */
function expected(text: string): string {
  return toHex(encode({ opcode: 1, payload: utf8(text) }));
}

/** Writes `text` at 7 into memory full of 0xff, and holds the rest of the memory to be as it was. */
function written(text: string): string {
  const memory = fill(0xff, 7 + 4 + text.length * 3 + 5);
  const end = writeText(memory, 7, text);
  expect(memory.subarray(0, 7)).toEqual(fill(0xff, 7));
  return toHex(memory.subarray(7, end));
}

describe("writeText", () => {
  test.each([
    ["nothing", ""],
    ["one letter", "a"],
    ["the longest text of the loop", "a".repeat(16)],
    ["the shortest text of the native call", "a".repeat(17)],
    ["a letter that is not ASCII at the end of a short text", `${"a".repeat(15)}é`],
    ["a character of four bytes", "😀"],
    ["125 bytes, the longest short header", "a".repeat(125)],
    ["126 bytes", "a".repeat(126)],
    ["125 characters of more bytes than a short header counts", "é".repeat(125)],
    ["63 characters of 126 bytes", "é".repeat(63)],
    ["62 characters of 124 bytes", "é".repeat(62)],
    ["42 characters of 126 bytes", "€".repeat(42)],
    ["5,000 characters", "€".repeat(5000)],
  ])("writes the frame of %s", (_name, text) => {
    expect(written(text)).toEqual(expected(text));
  });

  test("writes any text as the frame of its UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300, size: "max" }), (text) => {
        expect(written(text)).toEqual(expected(text));
      }),
      { seed, numRuns: cases(300) },
    );
  });

  test("writes a lone surrogate as U+FFFD, in long texts as in short ones", () => {
    expect(written("a\ud800b")).toEqual(expected("a\ufffdb"));
    expect(written(`${"a".repeat(40)}\udfff`)).toEqual(expected(`${"a".repeat(40)}\ufffd`));
    expect(written("\ud83d".repeat(125))).toEqual(expected("\ufffd".repeat(125)));
  });
});

describe("textFrame", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 70_000])("is the whole frame of %d letters", (length) => {
    expect(toHex(textFrame("x".repeat(length)))).toEqual(expected("x".repeat(length)));
  });
});

describe("repeatedFrame", () => {
  beforeEach(forgetText);

  test("knows a text from the second time on, and encodes it once", () => {
    expect(repeatedFrame("hello")).toBeUndefined();
    const frame = repeatedFrame("hello");
    expect(toHex(frame!)).toEqual(expected("hello"));
    expect(repeatedFrame("hello")).toBe(frame);
  });

  test("remembers the last text only", () => {
    repeatedFrame("a");
    repeatedFrame("b");
    expect(repeatedFrame("a")).toBeUndefined();
  });

  test("tells the frame of the last text from the frame of the one before", () => {
    repeatedFrame("a");
    repeatedFrame("a");
    repeatedFrame("b");
    expect(toHex(repeatedFrame("b")!)).toEqual(expected("b"));
  });

  test("knows the empty text", () => {
    expect(repeatedFrame("")).toBeUndefined();
    expect(toHex(repeatedFrame("")!)).toEqual(expected(""));
  });

  test("forgets with the turn", async () => {
    repeatedFrame("hello");
    atTurnEnd({ turnEnded: () => undefined });
    await turns();
    expect(repeatedFrame("hello")).toBeUndefined();
  });

  test("gives memory of its own", () => {
    repeatedFrame("hello");
    const frame = repeatedFrame("hello")!;
    expect(frame.buffer.byteLength).toBe(frame.length);
    expect(toHex(join([frame]))).toEqual(expected("hello"));
  });
});
