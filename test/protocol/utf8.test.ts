import { isUtf8 as nodeIsUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asBytes } from "../../src/protocol/bytes.ts";
import { UTF8_BAD, UTF8_START, checkUtf8, checkUtf8By, isUtf8, utf8Length } from "../../src/protocol/utf8.ts";
import { type Verdict, autobahnUtf8 } from "../support/autobahn-utf8.ts";
import { cutAt, hex, utf8 } from "../support/bytes.ts";
import { cases, seed } from "../support/fuzz.ts";

/** The offset at which the checker finds an error, when it gets the bytes one at a time. */
function verdict(bytes: Uint8Array): Verdict {
  let state = UTF8_START;
  for (let i = 0; i < bytes.length; i++) {
    state = checkUtf8(bytes, i, i + 1, state);
    if (state === UTF8_BAD) return i;
  }
  return state === UTF8_START ? "valid" : "unfinished";
}

/** Whether the pieces, checked one after the other, are valid UTF-8. */
function inPieces(pieces: readonly Uint8Array[]): boolean {
  let state = UTF8_START;
  for (const piece of pieces) {
    state = checkUtf8(piece, 0, piece.length, state);
    if (state === UTF8_BAD) return false;
  }
  return state === UTF8_START;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function platformIsUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

describe("checking UTF-8 with the platform's help", () => {
  /** The state after each piece, by either check. */
  function states(pieces: readonly Buffer[], check: (piece: Buffer, state: number) => number): number[] {
    let state = UTF8_START;
    return pieces.map((piece) => (state = state === UTF8_BAD ? state : check(piece, state)));
  }

  test("has the same result as without it, for any cut and any error", () => {
    const text = fc.string({ unit: "binary", minLength: 40, maxLength: 400 }).map((value) => Buffer.from(value));
    const broken = fc
      .tuple(text, fc.array(fc.tuple(fc.nat(1600), fc.nat(255)), { maxLength: 2 }))
      .map(([bytes, at]) => {
        for (const [index, byte] of at) if (index < bytes.length) bytes[index] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(broken, fc.array(fc.nat(1600), { maxLength: 3 }), (bytes, cuts) => {
        const places = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        const helped = states(pieces, (piece, state) =>
          checkUtf8By(nodeIsUtf8, asBytes(piece), 0, piece.length, state),
        );
        expect(helped).toEqual(states(pieces, (piece, state) => checkUtf8(piece, 0, piece.length, state)));
      }),
      { seed, numRuns: cases(2000) },
    );
  });
});

describe("checking UTF-8", () => {
  // shows 6455-8.1-1
  test.each(autobahnUtf8)("follows RFC 3629: %s", (_id, text, expected) => {
    expect(verdict(hex(text))).toBe(expected);
    expect(isUtf8(hex(text), 0, hex(text).length)).toBe(expected === "valid");
  });

  test("agrees with the platform on every pair of first bytes", () => {
    const differ: string[] = [];
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        // The next bytes complete the longest character that the two can begin.
        for (const rest of [[], [0x80], [0x80, 0x80]]) {
          const bytes = Uint8Array.of(first, second, ...rest);
          if (isUtf8(bytes, 0, bytes.length) !== platformIsUtf8(bytes)) differ.push(String(bytes));
        }
      }
    }
    expect(differ).toEqual([]);
  });

  test("looks at the bytes from start to end only", () => {
    const bytes = hex("ff e2 82 ac ff");
    expect(isUtf8(bytes, 1, 4)).toBe(true);
    expect(isUtf8(bytes, 1, 3)).toBe(false);
    expect(isUtf8(bytes, 0, 4)).toBe(false);
    expect(isUtf8(bytes, 2, 2)).toBe(true);
  });

  test("agrees with the platform on any bytes, cut anywhere", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      // Bytes that stand next to the borders of RFC 3629 4.
      fc
        .array(
          fc.constantFrom(
            0x00,
            0x7f,
            0x80,
            0x8f,
            0x90,
            0x9f,
            0xa0,
            0xbf,
            0xc1,
            0xc2,
            0xdf,
            0xe0,
            0xe1,
            0xed,
            0xee,
            0xef,
            0xf0,
            0xf3,
            0xf4,
            0xf5,
          ),
          { maxLength: 8 },
        )
        .map((list) => Uint8Array.from(list)),
      mutatedText(),
    );
    let texts = 0;
    let others = 0;
    const property = fc.property(bytes, fc.array(fc.nat(60), { maxLength: 5 }), (candidate, cuts) => {
      const expected = platformIsUtf8(candidate);
      if (expected) texts++;
      else others++;
      expect(nodeIsUtf8(candidate)).toBe(expected);
      expect(isUtf8(candidate, 0, candidate.length)).toBe(expected);
      expect(inPieces(cutAt(candidate, cuts))).toBe(expected);
    });
    fc.assert(property, { seed, numRuns: cases(5000) });
    expect(Math.min(texts, others)).toBeGreaterThan(500);
  });
});

describe("the length of a text as UTF-8", () => {
  test.each([
    ["", 0],
    ["a\u007f", 2],
    ["\u0080\u07ff", 4],
    ["\u0800\uffff", 6],
    ["\u{10000}\u{10ffff}", 8],
    ["\ud800", 3],
    ["\udc00\ud800", 6],
    ["\ud800\ud800\udc00", 7],
    ["\ud800a", 4],
  ])("of %j is %i bytes", (text, length) => {
    expect(utf8Length(text)).toBe(length);
  });

  test("is the platform's, for any string", () => {
    const units = fc.array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7ff, max: 0xe000 })), { maxLength: 20 });
    const property = fc.property(units, (list) => {
      const text = String.fromCharCode(...list);
      expect(utf8Length(text)).toBe(utf8(text).length);
    });
    fc.assert(property, { seed, numRuns: cases(2000) });
  });
});

/** A text with some changed bytes: often still valid, often not. */
function mutatedText(): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(60), fc.nat(255));
  return fc
    .tuple(fc.string({ unit: "binary", maxLength: 15 }), fc.array(change, { maxLength: 2 }))
    .map(([text, changes]) => {
      const bytes = Uint8Array.from(utf8(text));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
}
