import { describe, expect, test } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { type Verdict, autobahnUtf8 } from "../support/autobahn-utf8.ts";
import { copy, fill, hex, join, toHex } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { bothRoles, read } from "../support/read-frames.ts";
import { type Call, RecordingSink } from "../support/recording-sink.ts";

const INVALID: Call = ["fail", "HWS_INVALID_UTF8", 1007];

/** The call that a text of these bytes must lead to. */
function callFor(text: Uint8Array, verdict: Verdict): Call {
  return verdict === "valid" ? ["text", new TextDecoder("utf-8", { ignoreBOM: true }).decode(text)] : INVALID;
}

/** The index of the byte with which the reader says something, when it is given one at a time. */
function spokeAt(bytes: Uint8Array, options: ReaderOptions): number {
  const sink = new RecordingSink();
  const reader = new FrameReader(sink, options);
  return bytes.findIndex((byte) => {
    reader.push(copy(Uint8Array.of(byte)));
    return sink.calls.length > 0;
  });
}

describe("a text message", () => {
  // shows 6455-5.6-1, 6455-8.1-1
  test.each(autobahnUtf8)("is valid or not as in RFC 3629, in one frame: %s", (_id, bytes, verdict) => {
    const text = hex(bytes);
    bothRoles([encode({ opcode: 1, payload: text })], [callFor(text, verdict)]);
  });

  // shows 6455-5.6-1, 6455-8.1-1
  test.each(autobahnUtf8)("is the same with a byte in each fragment: %s", (_id, bytes, verdict) => {
    const text = hex(bytes);
    const frames = Array.from(text, (byte, i) =>
      encode({ fin: i === text.length - 1, opcode: i === 0 ? 1 : 0, payload: Uint8Array.of(byte) }),
    );
    bothRoles(frames, [callFor(text, verdict)]);
  });

  test.each(autobahnUtf8)("fails at the first bad byte, not at the frame's end: %s", (_id, bytes, verdict) => {
    const text = hex(bytes);
    const at = typeof verdict === "number" ? verdict : text.length - 1;
    expect(spokeAt(encode({ opcode: 1, payload: text }), { role: "client" })).toBe(2 + at);
    expect(spokeAt(asClient(encode({ opcode: 1, payload: text })), { role: "server" })).toBe(6 + at);
  });

  test.each(autobahnUtf8)("may be any bytes when it is binary: %s", (_id, bytes) => {
    bothRoles([hex("02 00"), encode({ opcode: 0, payload: hex(bytes) })], [["binary", toHex(hex(bytes))]]);
  });

  test("keeps a byte order mark and NUL", () => {
    bothRoles([hex("81 05 ef bb bf 00 61")], [["text", "\ufeff\0a"]]);
  });
});

describe("a fragmented text", () => {
  // shows 6455-5.6-1
  test("may be cut inside a character", () => {
    bothRoles([hex("01 02 f0 9f"), hex("00 01 98"), hex("80 02 80 21")], [["text", "\u{1f600}!"]]);
    bothRoles([hex("01 01 e2"), hex("00 00"), hex("80 02 82 ac")], [["text", "\u20ac"]]);
  });

  // shows 6455-8.1-1
  test.each([
    ["in a fragment of which the rest has not come", "01 05 48 69 ff"],
    ["in a last fragment of which the rest has not come", "01 02 48 69", "80 05 c3 28"],
    ["when the next fragment does not go on with the character", "01 01 e2", "00 05 28"],
    ["when the next fragment makes a surrogate of it (6.4.2)", "01 0c ce ba e1 bd b9 cf 83 ce bc ce b5 ed", "00 01 a0"],
    ["when the next fragment is above U+10FFFF (6.4.2)", "01 0c ce ba e1 bd b9 cf 83 ce bc ce b5 f4", "00 01 90"],
    ["in a message that is far from its end", "01 7f 00 00 00 00 00 01 00 00 ff"],
    ["in a long frame of which a byte has come", "81 7f 00 00 00 00 00 01 00 00 80"],
  ])("fails at the first bad byte: %s", (_what, ...frames) => {
    bothRoles(
      frames.map((frame) => hex(frame)),
      [INVALID],
    );
    // And not before it.
    const good = join(frames.map((frame) => hex(frame))).subarray(0, -1);
    expect(read([good], { role: "client" })).toEqual([]);
  });

  test("that ends inside a character fails with its last byte", () => {
    bothRoles([hex("01 01 61"), hex("80 02 e2 82")], [INVALID]);
    bothRoles([hex("01 02 e2 82"), hex("80 00")], [INVALID]);
    bothRoles([hex("81 01 c3")], [INVALID]);
  });

  test("leaves no state for the next message", () => {
    bothRoles(
      [hex("01 01 e2"), hex("80 02 82 ac"), hex("82 01 ff"), hex("81 01 61"), hex("01 01 c3"), hex("80 01 b1")],
      [
        ["text", "\u20ac"],
        ["binary", "ff"],
        ["text", "a"],
        ["text", "\u00f1"],
      ],
    );
  });
});

describe("a check of the platform's", () => {
  function withCheck(answer: boolean): { options: ReaderOptions; asked: string[] } {
    const asked: string[] = [];
    const isUtf8 = (bytes: Uint8Array): boolean => {
      asked.push(toHex(bytes));
      return answer;
    };
    return { options: { role: "client", isUtf8 }, asked };
  }
  const long = hex("c3 b1", fill(0x61, 46));

  test("is used for a long text that is not ASCII, whole or in pieces, and its yes is trusted", () => {
    const { options, asked } = withCheck(true);
    const calls = read([hex("81 30", long, "01 30", long, "80 30"), long], options);
    expect(asked).toEqual([toHex(long), toHex(long), toHex(long)]);
    expect(calls.map(([kind]) => kind)).toEqual(["text", "text"]);
  });

  test("is checked again when it says no: the engine's own check finds the bad byte, or none", () => {
    const { options, asked } = withCheck(false);
    const calls = read([hex("81 30", long, "81 30 ff", fill(0x61, 47))], options);
    expect(asked).toEqual([toHex(long), `ff${"61".repeat(47)}`]);
    expect(calls).toEqual([["text", `\u00f1${"a".repeat(46)}`], INVALID]);
  });

  test("is not asked for ASCII, for short texts or for bytes", () => {
    const { options, asked } = withCheck(false);
    const calls = read(
      [hex("81 30", fill(0x61, 48), "81 2f c3 b1", fill(0x61, 45), "82 30", long, "01 30", fill(0x61, 48), "80 00")],
      options,
    );
    expect(asked).toEqual([]);
    expect(calls.map(([kind]) => kind)).toEqual(["text", "text", "binary", "text"]);
  });
});
