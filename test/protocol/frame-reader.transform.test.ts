import { describe, expect, test } from "vitest";
import { type Bytes, allocate } from "../../src/protocol/bytes.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import type { MessageTransform } from "../../src/protocol/message-transform.ts";
import { ReservedBit } from "../../src/protocol/frame-header.ts";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { fill, hex, join, utf8 } from "../support/bytes.ts";
import { asClient } from "../support/frames.ts";
import { bothRoles, cutEverywhere } from "../support/read-frames.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const FAILED = [["fail", "HWS_RESERVED_BITS", 1002]] as const;

function map(bytes: Uint8Array, by: (byte: number) => number): Bytes {
  const mapped = allocate(bytes.length);
  bytes.forEach((byte, i) => (mapped[i] = by(byte)));
  return mapped;
}

/** Each byte with all its bits turned. */
const xor: MessageTransform = {
  reservedBit: ReservedBit.rsv1,
  decode: (payload) => map(payload, (byte) => byte ^ 0xff),
};

/** Each byte ten times, and no more than the limit allows. */
const repeat: MessageTransform = {
  reservedBit: ReservedBit.rsv1,
  decode: (payload, maxSize) =>
    payload.length * 10 > maxSize
      ? "HWS_MESSAGE_TOO_BIG"
      : join([...payload].flatMap((byte) => Array.from({ length: 10 }, () => Uint8Array.of(byte)))),
};

function encoded(text: string): Bytes {
  return map(utf8(text), (byte) => byte ^ 0xff);
}

describe("a message with the bit of a transform", () => {
  test.each(["hello", "h\u00e9llo", ""])("is decoded when it is complete: %j", (text) => {
    const body = encoded(text);
    bothRoles([hex(Uint8Array.of(0xc1, body.length), body)], [["text", text]], { transform: xor });
  });

  test("may be binary, and of any size up to the limit", () => {
    bothRoles([hex("c2 02 fe fd")], [["binary", "0102"]], { transform: xor });
    bothRoles([hex("c2 7e 01 00", fill(0xff, 256))], [["binary", "00".repeat(256)]], { transform: xor });
  });

  test("may be fragmented, with control frames and other messages around it", () => {
    const body = encoded("h\u00e9llo");
    bothRoles(
      [
        hex("81 01 61"),
        hex("41 02", body.subarray(0, 2)),
        hex("89 01 70"),
        hex("00 00"),
        hex("80 04", body.subarray(2)),
        hex("01 01 62"),
        hex("80 01 63"),
      ],
      [
        ["text", "a"],
        ["ping", "70"],
        ["text", "h\u00e9llo"],
        ["text", "bc"],
      ],
      { transform: xor },
    );
  });

  test("may be cut anywhere", () => {
    const body = encoded("h\u00e9llo");
    const frames = [hex("c1 06", body), hex("41 02", body.subarray(0, 2)), hex("80 04", body.subarray(2))];
    const expected = [
      ["text", "h\u00e9llo"],
      ["text", "h\u00e9llo"],
    ] as const;
    cutEverywhere(join(frames), expected, { role: "client", transform: xor });
    cutEverywhere(join(frames.map((frame) => asClient(frame))), expected, { role: "server", transform: xor });
  });

  test("may come in memory that is lent", () => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, new ReaderRules({ role: "server", transform: xor }));
    const stream = join([hex("c1 02 96 95"), hex("42 01 fe"), hex("80 01 fd")].map((frame) => asClient(frame)));
    for (let at = 0; at < stream.length; at += 5) {
      const chunk = hex(stream.subarray(at, at + 5));
      reader.push(chunk, chunk.length, true);
      chunk.fill(0xee);
    }
    expect(sink.calls).toEqual([
      ["text", "ij"],
      ["binary", "0102"],
    ]);
  });
});

describe("the decoded message", () => {
  test("must be UTF-8 if it is a text", () => {
    bothRoles([hex("c1 02 61 00")], [["fail", "HWS_INVALID_UTF8", 1007]], { transform: xor });
    bothRoles([hex("41 01 3c"), hex("80 00")], [["fail", "HWS_INVALID_UTF8", 1007]], { transform: xor });
  });

  test("has the limit of a message", () => {
    const big = [["fail", "HWS_MESSAGE_TOO_BIG", 1009]] as const;
    bothRoles([hex("c1 02 61 62")], [["text", "aaaaaaaaaabbbbbbbbbb"]], { transform: repeat, maxMessageSize: 20 });
    bothRoles([hex("c1 02 61 62")], big, { transform: repeat, maxMessageSize: 19 });
    const careless = { ...repeat, decode: (payload: Bytes) => repeat.decode(payload, Infinity) };
    bothRoles([hex("c1 02 61 62")], big, { transform: careless, maxMessageSize: 19 });
  });

  test("is not asked for when the message is over the limit before it is decoded", () => {
    const never = { ...xor, decode: () => expect.fail("decoded") };
    bothRoles([hex("c2 02")], [["fail", "HWS_MESSAGE_TOO_BIG", 1009]], { transform: never, maxMessageSize: 1 });
  });
});

describe("a reserved bit fails the connection", () => {
  test("on a frame that does not begin a data message", () => {
    bothRoles([hex("c0 00")], FAILED, { transform: xor });
    for (const first of [0xc8, 0xc9, 0xca, 0xc3]) bothRoles([hex(Uint8Array.of(first, 0))], FAILED, { transform: xor });
    bothRoles([hex("41 00"), hex("c0 00")], FAILED, { transform: xor });
  });

  test("when it is not the transform's, or not alone", () => {
    for (const first of [0xa1, 0x91, 0xe1, 0xd1, 0xf1])
      bothRoles([hex(Uint8Array.of(first, 0))], FAILED, { transform: xor });
    bothRoles([hex("a1 01 9e")], [["text", "a"]], { transform: { ...xor, reservedBit: ReservedBit.rsv2 } });
  });
});
