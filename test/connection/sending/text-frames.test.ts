import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import {
  MAX_JOINED_LENGTH,
  MAX_JOINED_TEXT,
  encodeTexts,
  forgetLastText,
  isAscii,
  frameIfRepeated,
  largeTextFrame,
  mayJoin,
  textFrame,
  textHeaderOf,
  writeText,
} from "../../../src/connection/sending/text-frames.ts";
import { keepSpareMemory } from "../../../src/protocol/spare-memory.ts";
import { atTurnEnd } from "../../../src/connection/transport/turn.ts";
import { fill, join, toHex, utf8 } from "../../support/bytes.ts";
import { KEY, encode } from "../../support/frames.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { turns } from "../../support/wire.ts";

/** The frame of a text, written without src/. */
function expected(text: string, key?: readonly number[]): string {
  return toHex(encode({ opcode: 1, payload: utf8(text) }, key));
}

/** The key of the examples in RFC 6455 5.7, its first byte lowest. */
const KEY_AS_NUMBER = 0x3d21fa37;

/** Writes `text` at 7 into memory full of 0xff, and checks that the rest of the memory does not change. */
function written(text: string, key?: number): string {
  const memory = fill(0xff, 7 + 8 + text.length * 3 + 5);
  const end = writeText(memory, 7, text, key);
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
    expect(written(text, KEY_AS_NUMBER)).toEqual(expected(text, KEY));
  });

  test("writes any text as the frame of its UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300, size: "max" }), (text) => {
        expect(written(text)).toEqual(expected(text));
        expect(written(text, KEY_AS_NUMBER)).toEqual(expected(text, KEY));
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

/** Texts joined as a write buffer joins them: the characters, and the bytes above 0x7f in the headers. */
function joined(texts: readonly string[]): { readonly all: string; readonly high: number } {
  const headers = texts.map(({ length }) => textHeaderOf(length));
  return {
    all: texts.map((text, i) => headers[i]!.text + text).join(""),
    high: headers.reduce((sum, { highBytes: high }) => sum + high, 0),
  };
}

/** A text of any characters, lone surrogates too. Many lengths are near those at which the header changes. */
const anyText = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 20 }),
  fc
    .array(fc.constantFrom("a", "\u007f", "\u0080", "\u0081", "é", "€", "😀", "\ud83d", "\ude00"), { maxLength: 8 })
    .map((characters) => characters.join("")),
  fc
    .tuple(
      fc.constantFrom("x", "x", "x", "é", "€"),
      fc.constantFrom(125, 126, 127, 128, 255, 256, 300, 384, 512, 33_000),
    )
    .map(([character, length]) => character.repeat(length)),
);

describe.each([
  ["textFrame", textFrame],
  ["largeTextFrame", largeTextFrame],
])("%s", (_name, frameOf) => {
  test.each([
    ...[16_384, 65_535, 65_536, 200_000].map((length) => "a".repeat(length)),
    `${"a".repeat(70_000)}\u00e9`,
    "\u00e9".repeat(40_000),
    "\u20ac".repeat(30_000),
    "\u{1f600}".repeat(20_000),
    `\ud800${"a".repeat(20_000)}\udc00`,
  ])("encodes a long text, also twice (%#)", (text) => {
    const [one, other] = [frameOf(text), frameOf(text)];
    expect(toHex(one) === expected(text)).toBe(true);
    expect(one.buffer).not.toBe(other.buffer);
    expect(Buffer.compare(one, other)).toBe(0);
  });
});

test("the frame of a large text uses memory again that was kept, and nothing of its old bytes", () => {
  const first = largeTextFrame("x".repeat(300_000));
  const { buffer } = first;
  keepSpareMemory(first);
  const second = largeTextFrame("y".repeat(250_000));
  expect(second.buffer).toBe(buffer);
  expect(toHex(second) === expected("y".repeat(250_000))).toBe(true);
});

test("texts are joined up to a length, each and together", () => {
  expect([mayJoin(0, MAX_JOINED_TEXT), mayJoin(0, MAX_JOINED_TEXT + 1)]).toEqual([true, false]);
  expect([mayJoin(MAX_JOINED_LENGTH - 10, 10), mayJoin(MAX_JOINED_LENGTH - 10, 11)]).toEqual([true, false]);
});

describe("textHeader", () => {
  test("is the header of RFC 6455 5.2 for each length below 64 KiB, and counts its bytes above 0x7f", () => {
    const wrong = [];
    for (let length = 0; length < 65_536; length++) {
      const extended = new DataView(new ArrayBuffer(2));
      extended.setUint16(0, length);
      const bytes = length < 126 ? [0x81, length] : [0x81, 126, extended.getUint8(0), extended.getUint8(1)];
      const { text, highBytes: high } = textHeaderOf(length);
      if (text !== String.fromCharCode(...bytes) || high !== bytes.filter((byte) => byte > 0x7f).length)
        wrong.push(length);
    }
    expect(wrong).toEqual([]);
  });

  test.each([0, 1, 125, 126, 127, 128, 255, 256, 383, 384, 32_767, 32_768, 65_535])(
    "is on the wire before %i letters",
    (length) => {
      const frame = encode({ opcode: 1, payload: fill(0x61, length) });
      expect(Buffer.from(textHeaderOf(length).text, "latin1")).toEqual(
        Buffer.from(frame.subarray(0, frame.length - length)),
      );
    },
  );
});

describe("isPlain", () => {
  test("is true of texts that are all ASCII, with any headers", () => {
    for (const lengths of [[0], [125, 126], [128, 128], [255, 256, 511, 512], [32_768, 65_535, 33_023]]) {
      const { all, high } = joined(lengths.map((length) => "x".repeat(length)));
      expect(isAscii(all, high), lengths.join()).toBe(true);
    }
  });

  test.each(["\u0080", "\u0081", "ÿ", "Ā", "€", "😀", "\ud83d", "\ude00"])(
    "is false where %j is in one of them",
    (character) => {
      for (const texts of [[character], ["a", character], [character, "a"], ["x".repeat(200), `a${character}b`, "a"]]) {
        const { all, high } = joined(texts);
        expect(isAscii(all, high)).toBe(false);
      }
    },
  );

  test("is true of no text, and distinguishes ASCII texts from all others", () => {
    expect(isAscii("", 0)).toBe(true);
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 6 }), (texts) => {
        const { all, high } = joined(texts);
        expect(isAscii(all, high)).toBe(texts.every((text) => /^\p{ASCII}*$/u.test(text)));
      }),
      { seed, numRuns: cases(500) },
    );
  });
});

describe("encodeTexts", () => {
  test("makes the frames of any texts that were joined", () => {
    expect(toHex(encodeTexts(""))).toBe("");
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 6 }), (texts) => {
        expect(toHex(encodeTexts(joined(texts).all))).toBe(texts.map((text) => expected(text)).join(""));
      }),
      { seed, numRuns: cases(300) },
    );
  });

  test.each([125, 126, 127, 128, 255, 256, 512, 30_000, 65_535])(
    "finds each text by its header: %i characters, of one byte or more",
    (length) => {
      const texts = ["a", "x".repeat(length), "é".repeat(length), "\ud83d", "\ude00", "x".repeat(length), ""];
      expect(toHex(encodeTexts(joined(texts).all))).toBe(texts.map((text) => expected(text)).join(""));
    },
  );
});

describe("repeatedFrame", () => {
  beforeEach(forgetLastText);

  test("finds a text from the second time on, and encodes it once", () => {
    expect(frameIfRepeated("hello")).toBeUndefined();
    const frame = frameIfRepeated("hello");
    expect(toHex(frame!)).toEqual(expected("hello"));
    expect(frameIfRepeated("hello")).toBe(frame);
  });

  test("remembers the last text only", () => {
    frameIfRepeated("a");
    frameIfRepeated("b");
    expect(frameIfRepeated("a")).toBeUndefined();
  });

  test("does not mix up the last text and the one before", () => {
    frameIfRepeated("a");
    frameIfRepeated("a");
    frameIfRepeated("b");
    expect(toHex(frameIfRepeated("b")!)).toEqual(expected("b"));
  });

  test("finds the empty text", () => {
    expect(frameIfRepeated("")).toBeUndefined();
    expect(toHex(frameIfRepeated("")!)).toEqual(expected(""));
  });

  test("forgets at the turn's end", async () => {
    frameIfRepeated("hello");
    atTurnEnd({ onTurnEnd: () => undefined, onTurnEndFailed: () => undefined });
    await turns();
    expect(frameIfRepeated("hello")).toBeUndefined();
  });

  test("returns memory that no other frame shares", () => {
    frameIfRepeated("hello");
    const frame = frameIfRepeated("hello")!;
    expect(frame.buffer.byteLength).toBe(frame.length);
    expect(toHex(join([frame]))).toEqual(expected("hello"));
  });
});
