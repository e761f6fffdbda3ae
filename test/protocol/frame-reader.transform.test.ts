import { describe, expect, test } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { ReservedBit } from "../../src/protocol/frame-header.ts";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { fill, hex, join } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { bothRoles, cutEverywhere } from "../support/read-frames.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const FAILED = [["fail", "HWS_RESERVED_BITS", 1002]] as const;
const rsv1 = { transformBit: ReservedBit.rsv1 };

/** The same frame with its first reserved bit. */
function withRsv1(frame: Uint8Array): Uint8Array {
  frame[0]! |= ReservedBit.rsv1;
  return frame;
}

describe("a message with the reserved bit of an extension", () => {
  test.each(["", "61", "c3a9", "ff"])("is passed on as it is when it is complete: %j", (body) => {
    const length = body.length / 2;
    bothRoles([hex(Uint8Array.of(0xc1, length), body)], [["transformed text", body]], rsv1);
    bothRoles([hex(Uint8Array.of(0xc2, length), body)], [["transformed binary", body]], rsv1);
  });

  test.each([126, 65_535, 65_536, 70_000])("may have %d bytes", (length) => {
    bothRoles(
      [withRsv1(encode({ opcode: 2, payload: fill(0xff, length) }))],
      [["transformed binary", "ff".repeat(length)]],
      rsv1,
    );
  });

  test("may be fragmented, with control frames and other messages around it", () => {
    bothRoles(
      [
        hex("81 01 61"),
        hex("41 02 0102"),
        hex("89 01 70"),
        hex("00 00"),
        hex("80 02 ff04"),
        hex("01 01 62"),
        hex("80 01 63"),
      ],
      [
        ["text", "a"],
        ["ping", "70"],
        ["transformed text", "0102ff04"],
        ["text", "bc"],
      ],
      rsv1,
    );
  });

  test("may be cut anywhere", () => {
    const frames = [hex("c1 03 80ff01"), hex("41 02 0203"), hex("80 02 04ff")];
    const expected = [
      ["transformed text", "80ff01"],
      ["transformed text", "020304ff"],
    ] as const;
    cutEverywhere(join(frames), expected, { role: "client", ...rsv1 });
    cutEverywhere(join(frames.map((frame) => asClient(frame))), expected, { role: "server", ...rsv1 });
  });

  test("may come in memory that is lent", () => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, new ReaderRules({ role: "server", ...rsv1 }));
    const stream = join([hex("c1 02 96 95"), hex("42 01 fe"), hex("80 01 fd")].map((frame) => asClient(frame)));
    for (let at = 0; at < stream.length; at += 5) {
      const chunk = hex(stream.subarray(at, at + 5));
      reader.push(chunk, chunk.length, true);
      chunk.fill(0xee);
    }
    expect(sink.calls).toEqual([
      ["transformed text", "9695"],
      ["transformed binary", "fefd"],
    ]);
  });

  test("has the limits of a message, and is not passed on beyond them", () => {
    const big = [["fail", "HWS_MESSAGE_TOO_BIG", 1009]] as const;
    bothRoles([hex("c2 02 0102")], [["transformed binary", "0102"]], { ...rsv1, maxMessageSize: 2 });
    bothRoles([hex("c2 02 0102")], big, { ...rsv1, maxMessageSize: 1 });
    bothRoles([hex("42 01 01"), hex("80 01 02")], big, { ...rsv1, maxMessageSize: 1 });
    bothRoles([hex("42 00"), hex("00 00"), hex("80 00")], [["fail", "HWS_TOO_MANY_FRAGMENTS", 1009]], {
      ...rsv1,
      maxFragments: 2,
    });
  });
});

describe("a transformed message", () => {
  const limits = { ...rsv1, maxMessageSize: 1, maxTransformedSize: 3 };
  const big = [["fail", "HWS_MESSAGE_TOO_BIG", 1009]] as const;

  test("may have a limit of its own, in all its fragments together: it is decoded later", () => {
    bothRoles([hex("c2 03 010203")], [["transformed binary", "010203"]], limits);
    bothRoles([hex("42 02 0102"), hex("80 01 03")], [["transformed binary", "010203"]], limits);
    bothRoles([hex("c2 04 01020304")], big, limits);
    bothRoles([hex("42 02 0102"), hex("80 02 0304")], big, limits);
  });

  test("does not change the limit of other messages", () => {
    bothRoles([hex("82 02 0102")], big, limits);
    bothRoles([hex("02 01 01"), hex("80 01 02")], big, limits);
  });
});

describe("a reserved bit fails the connection", () => {
  test("on a frame that does not begin a data message", () => {
    bothRoles([hex("c0 00")], FAILED, rsv1);
    for (const first of [0xc8, 0xc9, 0xca, 0xc3]) bothRoles([hex(Uint8Array.of(first, 0))], FAILED, rsv1);
    bothRoles([hex("41 00"), hex("c0 00")], FAILED, rsv1);
  });

  test("when it is not the extension's, or not alone", () => {
    for (const first of [0xa1, 0x91, 0xe1, 0xd1, 0xf1]) bothRoles([hex(Uint8Array.of(first, 0))], FAILED, rsv1);
    bothRoles([hex("a1 01 9e")], [["transformed text", "9e"]], { transformBit: ReservedBit.rsv2 });
  });
});
