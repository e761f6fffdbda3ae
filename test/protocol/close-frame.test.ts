import { describe, expect, test } from "vitest";
import { CloseCode, fitsReason, isSendableCode, parseClose, serializeClose } from "../../src/protocol/close-frame.ts";
import { hex, toHex } from "../support/bytes.ts";

/** RFC 6455 7.4.1, and 1012 to 1014 of the registry it founded. */
const defined = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The codes that `isSendable` and `parseClose` do not judge as said. */
function misjudged(codes: readonly number[], legal: boolean): number[] {
  return codes.filter((code) => {
    const parsed = parseClose(hex(code.toString(16).padStart(4, "0")));
    const read = typeof parsed === "object" && parsed.code === code && parsed.reason === undefined;
    return isSendableCode(code) !== legal || (legal ? !read : parsed !== "HWS_CLOSE_CODE");
  });
}

describe("a close code", () => {
  test("with a meaning of its own is that of RFC 6455 7.4.1", () => {
    expect(CloseCode).toEqual({ normal: 1000, noStatus: 1005, abnormal: 1006 });
  });

  // shows 6455-7.4.2-1
  test("of 0 to 999 is not used", () => {
    expect(misjudged(range(0, 999), false)).toEqual([]);
  });

  test("of 1000 to 1015 is used where it is defined for frames", () => {
    expect(misjudged(defined, true)).toEqual([]);
  });

  // shows 6455-7.4.1-1, 6455-7.4.1-2, 6455-7.4.1-3, 6455-7.4.1-4
  test("that only reports, 1005, 1006 or 1015, is in no frame; nor is 1004, which is reserved", () => {
    expect(misjudged([1004, 1005, 1006, 1015], false)).toEqual([]);
  });

  // shows 6455-7.4.2-1
  test("of 1016 to 2999 is not used", () => {
    expect(misjudged(range(1016, 2999), false)).toEqual([]);
  });

  test("of 3000 to 4999 is for libraries and programs", () => {
    expect(misjudged(range(3000, 4999), true)).toEqual([]);
  });

  test("of 5000 and above is not used", () => {
    expect(misjudged(range(5000, 65_535), false)).toEqual([]);
  });

  test.each([1000.5, NaN, Infinity, -1000, 66_536])("is no number such as %d", (code) => {
    expect(isSendableCode(code)).toBe(false);
  });
});

describe("a close reason", () => {
  test.each([
    ["nothing", "", true],
    ["123 bytes of ASCII", "r".repeat(123), true],
    ["124 bytes of ASCII", "r".repeat(124), false],
    ["123 bytes in 41 characters", "\u20ac".repeat(41), true],
    ["126 bytes in 42 characters", "\u20ac".repeat(42), false],
    ["120 bytes in 30 pairs of surrogates", "\u{1f600}".repeat(30), true],
    ["124 bytes in 31 pairs of surrogates", "\u{1f600}".repeat(31), false],
    ["more than any frame holds", "r".repeat(1_000_000), false],
  ])("fits or not: %s", (_what, reason, fits) => {
    expect(fitsReason(reason)).toBe(fits);
  });
});

describe("reading a close frame's body", () => {
  // shows 6455-7.1.5-2
  test("takes an empty one for 1005 without a reason", () => {
    expect(parseClose(hex(""))).toEqual({ code: 1005, reason: undefined });
  });

  // shows 6455-5.5.1-1
  test.each(["00", "03", "ff"])("refuses one of a single byte: %s", (body) => {
    expect(parseClose(hex(body))).toBe("HWS_CLOSE_LENGTH");
  });

  // shows 6455-7.1.5-1
  test("takes two bytes for a code in network byte order", () => {
    expect(parseClose(hex("03 e8"))).toEqual({ code: 1000, reason: undefined });
    expect(parseClose(hex("13 87"))).toEqual({ code: 4999, reason: undefined });
  });

  // shows 6455-7.1.6-1
  test("takes the bytes after the code as the reason", () => {
    expect(parseClose(hex("03 e9 62 79 65"))).toEqual({ code: 1001, reason: "bye" });
    expect(parseClose(hex("0f a0 e2 82 ac f0 9f 98 80"))).toEqual({ code: 4000, reason: "\u20ac\u{1f600}" });
  });

  test("leaves a byte order mark and a NUL where they are", () => {
    expect(parseClose(hex("03 e8 ef bb bf 00"))).toEqual({ code: 1000, reason: "\ufeff\0" });
  });

  // shows 6455-8.1-1
  test.each(["03e8 ff", "03e8 c3", "03e8 eda080", "03e8 c0af", "03e8 f4908080"])(
    "refuses a reason that is not UTF-8: %s",
    (body) => {
      expect(parseClose(hex(body))).toBe("HWS_INVALID_UTF8");
    },
  );

  test("names the code before the reason, when both are wrong", () => {
    expect(parseClose(hex("03 ed ff"))).toBe("HWS_CLOSE_CODE");
  });
});

describe("writing a close frame's body", () => {
  test.each([
    ["nothing without a code", undefined, undefined, ""],
    ["nothing for a reason without a code", undefined, "bye", ""],
    ["two bytes for a code", 1000, undefined, "03e8"],
    ["two bytes for a code with an empty reason", 4999, "", "1387"],
    ["the reason after the code", 1001, "bye", "03e9627965"],
    ["the reason as UTF-8", 3000, "\u20ac\u{1f600}", "0bb8e282acf09f9880"],
    ["U+FFFD for a lone surrogate", 3000, "\ud800!", "0bb8efbfbd21"],
  ])("writes %s", (_what, code, reason, body) => {
    expect(toHex(serializeClose(code, reason))).toBe(body);
  });

  test("is read back as it was", () => {
    for (const code of [...defined, 3000, 4999]) {
      expect(parseClose(serializeClose(code, "Adi\u00f3s"))).toEqual({ code, reason: "Adi\u00f3s" });
    }
  });
});
