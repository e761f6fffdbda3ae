import { describe, expect, test } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { copy, fill, hex, join } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { bothRoles, cutEverywhere, read } from "../support/read-frames.ts";
import { type Call, RecordingSink } from "../support/recording-sink.ts";

/** A close frame of a server with this code and this reason. */
function closeFrame(code: number, reason = ""): Uint8Array {
  return encode({
    opcode: 8,
    payload: join([Uint8Array.of(code >>> 8, code & 0xff), new TextEncoder().encode(reason)]),
  });
}

describe("a control frame", () => {
  test.each([
    ["89 00", "ping", ""],
    ["8a 00", "pong", ""],
    ["89 01 ff", "ping", "ff"],
    ["8a 03 00 01 02", "pong", "000102"],
  ] as const)("%s is read, whatever bytes it carries", (frame, kind, payload) => {
    bothRoles([hex(frame)], [[kind, payload]]);
  });

  // shows 6455-5.5-1
  test.each([
    ["89 7d", "ping"],
    ["8a 7d", "pong"],
  ] as const)("%s carries 125 bytes", (header, kind) => {
    const frame = hex(header, fill(0x33, 125));
    bothRoles([frame], [[kind, "33".repeat(125)]]);
    cutEverywhere(asClient(frame), [[kind, "33".repeat(125)]], { role: "server" });
  });

  // shows 6455-5.5-1
  test.each(["88 7e", "89 7e", "8a 7e", "88 7f", "89 7f", "8a 7f"])("%s is refused: it says more than 125", (start) => {
    bothRoles([hex(start)], [["fail", "HWS_CONTROL_TOO_LONG", 1002]]);
    bothRoles([hex("01 00"), hex(start, "00 05")], [["fail", "HWS_CONTROL_TOO_LONG", 1002]]);
  });

  // shows 6455-5.5-2
  test.each(["08 00", "09 00", "0a 00", "09 05", "08 02"])("%s is refused: it has no FIN", (start) => {
    bothRoles([hex(start)], [["fail", "HWS_CONTROL_FRAGMENTED", 1002]]);
    bothRoles([hex("02 00"), hex(start)], [["fail", "HWS_CONTROL_FRAGMENTED", 1002]]);
  });

  test("is not counted against the message limit", () => {
    bothRoles(
      [hex("02 02 01 02"), hex("89 7d", fill(4, 125)), hex("80 02 03 04")],
      [
        ["ping", "04".repeat(125)],
        ["binary", "01020304"],
      ],
      { maxMessageSize: 4 },
    );
  });
});

describe("a close frame", () => {
  // shows 6455-7.1.5-2
  test("without a body is code 1005 and no reason", () => {
    bothRoles([hex("88 00")], [["close", 1005, undefined]]);
  });

  // shows 6455-5.5.1-1
  test("with a body of one byte fails the connection", () => {
    bothRoles([hex("88 01 03")], [["fail", "HWS_CLOSE_LENGTH", 1002]]);
  });

  // shows 6455-7.1.5-1, 6455-7.1.6-1
  test("with a code and a reason delivers both", () => {
    bothRoles([hex("88 02 03 e8")], [["close", 1000, undefined]]);
    bothRoles([hex("88 05 0f a0 c3 b1 21")], [["close", 4000, "\u00f1!"]]);
    bothRoles([hex("88 7d 03 e9", fill(0x72, 123))], [["close", 1001, "r".repeat(123)]]);
  });

  // shows 6455-8.1-1
  test.each(["88 03 03 e8 ff", "88 03 03 e8 c3", "88 05 03 e8 ed a0 80", "88 04 03 e8 c0 80"])(
    "whose reason is not UTF-8 fails the connection: %s",
    (frame) => {
      bothRoles([hex(frame)], [["fail", "HWS_INVALID_UTF8", 1007]]);
    },
  );

  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    "of code %i is read",
    (code) => {
      bothRoles([closeFrame(code)], [["close", code, undefined]]);
      bothRoles([closeFrame(code, "so")], [["close", code, "so"]]);
    },
  );

  // shows 6455-7.4.1-4, 6455-7.4.2-1
  test.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535])(
    "of code %i fails the connection",
    (code) => {
      bothRoles([closeFrame(code)], [["fail", "HWS_CLOSE_CODE", 1002]]);
      bothRoles([closeFrame(code, "so")], [["fail", "HWS_CLOSE_CODE", 1002]]);
    },
  );
});

describe("after the end", () => {
  const ends: readonly (readonly [string, string, Call])[] = [
    ["a close frame", "88 02 03 e8", ["close", 1000, undefined]],
    ["an empty close frame", "88 00", ["close", 1005, undefined]],
    ["a failure in a header", "83 00", ["fail", "HWS_RESERVED_OPCODE", 1002]],
    ["a failure in a length", "82 7e 00 00", ["fail", "HWS_LENGTH_NOT_MINIMAL", 1002]],
    ["a failure in a whole text", "81 01 ff", ["fail", "HWS_INVALID_UTF8", 1007]],
    ["a failure in a fragment", "01 05 ff", ["fail", "HWS_INVALID_UTF8", 1007]],
    ["a failure in a close frame", "88 02 03 ed", ["fail", "HWS_CLOSE_CODE", 1002]],
    ["a failure by size", "82 7f 00 00 00 01 00 00 00 00", ["fail", "HWS_MESSAGE_TOO_BIG", 1009]],
  ];
  const others = ["81 02 48 69", "89 00", "8a 00", "88 00", "88 02 03 e9", "80 01 61", "ff ff ff ff", "00"];

  // shows 6455-7.1.7-3
  test.each(ends)("%s everything is discarded", (_what, frame, call) => {
    for (const other of others) {
      const after = hex(other);
      expect(read([hex(frame, after)], { role: "client" })).toEqual([call]);
      expect(read([hex(frame), after, after], { role: "client" })).toEqual([call]);
      expect(read([asClient(hex(frame)), asClient(after)], { role: "server" })).toEqual([call]);
      expect(read([join([asClient(hex(frame)), asClient(after)])], { role: "server" })).toEqual([call]);
    }
  });

  // shows 6455-7.1.5-1
  test("a second close frame changes nothing: the first one's code counts", () => {
    bothRoles([hex("88 02 0f a0"), hex("88 02 03 e8")], [["close", 4000, undefined]]);
  });

  test("nothing of a stream of any length is kept", () => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, { role: "client" });
    reader.push(hex("88 00"));
    for (let i = 0; i < 1000; i++) reader.push(copy(fill(0x81, 100)));
    expect(sink.calls).toEqual([["close", 1005, undefined]]);
  });
});
