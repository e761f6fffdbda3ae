import { afterEach, describe, expect, test, vi } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { copy, fill, hex, join } from "../support/bytes.ts";
import { asClient } from "../support/frames.ts";
import { bothRoles, read } from "../support/read-frames.ts";
import { type Call, RecordingSink } from "../support/recording-sink.ts";

const TOO_BIG: Call = ["fail", "HWS_MESSAGE_TOO_BIG", 1009];
const TOO_MANY: Call = ["fail", "HWS_TOO_MANY_FRAGMENTS", 1009];

describe("the message limit", () => {
  test("allows a message of its size, and none of a byte more, in one frame", () => {
    bothRoles([hex("82 0a", fill(1, 10))], [["binary", "01".repeat(10)]], { maxMessageSize: 10 });
    bothRoles([hex("82 0b", fill(1, 11))], [TOO_BIG], { maxMessageSize: 10 });
    bothRoles([hex("81 0b", fill(0x61, 11))], [TOO_BIG], { maxMessageSize: 10 });
  });

  test("counts all fragments", () => {
    const limit = { maxMessageSize: 10 };
    bothRoles(
      [hex("02 05", fill(1, 5)), hex("80 05", fill(2, 5))],
      [["binary", "01".repeat(5) + "02".repeat(5)]],
      limit,
    );
    bothRoles([hex("02 05", fill(1, 5)), hex("80 06")], [TOO_BIG], limit);
    bothRoles([hex("02 05", fill(1, 5)), hex("00 05", fill(2, 5)), hex("80 01")], [TOO_BIG], limit);
    bothRoles(
      [hex("02 05", fill(1, 5)), hex("00 05", fill(2, 5)), hex("80 00")],
      [["binary", "01".repeat(5) + "02".repeat(5)]],
      limit,
    );
  });

  test("counts each message anew", () => {
    const frames = [
      hex("02 09", fill(1, 9)),
      hex("80 01 01"),
      hex("82 0a", fill(1, 10)),
      hex("02 0a", fill(1, 10)),
      hex("80 00"),
    ];
    const message: Call = ["binary", "01".repeat(10)];
    bothRoles(frames, [message, message, message], { maxMessageSize: 10 });
  });

  test("refuses at the header, before any byte of the payload", () => {
    expect(read([hex("82 0b")], { role: "client", maxMessageSize: 10 })).toEqual([TOO_BIG]);
    expect(read([hex("82 8b 01 02 03 04")], { role: "server", maxMessageSize: 10 })).toEqual([TOO_BIG]);
    expect(read([hex("02 0a", fill(1, 10), "80 01")], { role: "client", maxMessageSize: 10 })).toEqual([TOO_BIG]);
  });

  test("is 1 MiB unless another is given", () => {
    const mebibyte = hex("82 7f 00 00 00 00 00 10 00 00", fill(1, 1_048_576));
    const [call] = read([mebibyte], { role: "client" });
    expect(call?.[0]).toBe("binary");
    expect(call?.[1]).toHaveLength(2 * 1_048_576);
    expect(read([hex("82 7f 00 00 00 00 00 10 00 01")], { role: "client" })).toEqual([TOO_BIG]);
  });

  test("may be 0: then only empty messages pass", () => {
    bothRoles([hex("81 00"), hex("02 00"), hex("80 00"), hex("82 01")], [["text", ""], ["binary", ""], TOO_BIG], {
      maxMessageSize: 0,
    });
  });
});

describe("memory", () => {
  afterEach(() => vi.restoreAllMocks());

  /** The sizes of the memory that the reader allocates. */
  function allocations(bytes: Uint8Array, options: ReaderOptions): number[] {
    const chunk = copy(bytes);
    const reader = new FrameReader(new RecordingSink(), options);
    const spy = vi.spyOn(Buffer, "allocUnsafeSlow");
    reader.push(chunk);
    return spy.mock.calls.map(([size]) => size);
  }

  const gibibyte = { role: "client", maxMessageSize: 2 ** 30 } as const;

  test("is not reserved for a message that is refused", () => {
    expect(allocations(hex("82 7f 00 00 00 00 40 00 00 01", fill(1, 1000)), gibibyte)).toEqual([]);
    expect(allocations(hex("02 7f 00 00 00 00 40 00 00 01", fill(1, 1000)), gibibyte)).toEqual([]);
  });

  test("is not reserved for a length alone", () => {
    expect(allocations(hex("82 7f 00 00 00 00 40 00 00 00"), gibibyte)).toEqual([]);
    expect(allocations(hex("02 7f 00 00 00 00 40 00 00 00"), gibibyte)).toEqual([]);
  });

  test("is one read of the socket at most for a length and a byte", () => {
    expect(allocations(hex("82 7f 00 00 00 00 40 00 00 00 01"), gibibyte)).toEqual([65_536]);
  });

  test("is not needed for messages that lie whole in the chunk", () => {
    const frames = ["81 85 37 fa 21 3d 7f 9f 4d 51 58", "89 80 01 02 03 04", "82 80 01 02 03 04", "88 80 01 02 03 04"];
    expect(allocations(hex(...frames), { role: "server" })).toEqual([]);
  });

  test("for the beginning of a header is at most that of the longest control frame: the chunk is released", () => {
    const sizes = allocations(hex("82 02 01 02", "82 7f 00 00 00"), { role: "client" });
    expect(sizes.filter((size) => size !== 139)).toEqual([]);
  });
});

describe("the number of fragments", () => {
  const empty = hex("00 00");

  test("of a message is bounded: a million empty continuation frames are refused", () => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, { role: "client" });
    const thousand = join(Array.from({ length: 1000 }, () => empty));
    reader.push(hex("01 00"));
    let pushed = 0;
    while (pushed < 1_000_000 && !sink.ended) {
      reader.push(copy(thousand));
      pushed += 1000;
    }
    // 16,384 with the first one.
    expect(pushed).toBe(17_000);
    expect(sink.calls).toEqual([TOO_MANY]);
  });

  test.each([
    ["the default limit", {}, 16_384],
    ["the same, whatever a message's size may be", { maxMessageSize: 10 }, 16_384],
    ["a small limit", { maxFragments: 10 }, 10],
    ["a larger limit", { maxFragments: 65_536 }, 65_536],
  ])("is bounded by %s", (_what, options, most) => {
    const first = hex("02 00");
    const allowed = [first, ...Array.from({ length: most - 2 }, () => empty), hex("80 01 07")];
    expect(read([join(allowed)], { role: "client", ...options })).toEqual([["binary", "07"]]);
    const masked = join(allowed.map((frame) => asClient(frame)));
    expect(read([masked], { role: "server", ...options })).toEqual([["binary", "07"]]);
    const tooMany = [first, ...Array.from({ length: most - 1 }, () => empty), hex("80 00")];
    expect(read([join(tooMany)], { role: "client", ...options })).toEqual([TOO_MANY]);
  });

  test("is counted for each message separately", () => {
    const message = join([hex("01 00"), ...Array.from({ length: 1000 }, () => empty), hex("80 00")]);
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, { role: "client" });
    for (let i = 0; i < 100; i++) reader.push(copy(message));
    expect(sink.calls).toEqual(Array.from({ length: 100 }, () => ["text", ""]));
  });

  test("is not that of messages: 16,385 whole ones and more pass, also when each is cut", () => {
    const frame = asClient(hex("81 02 48 69"));
    const whole = read([join(Array.from({ length: 40_000 }, () => frame))], { role: "server" });
    expect(whole).toHaveLength(40_000);
    expect(whole.at(-1)).toEqual(["text", "Hi"]);
    const halves = Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? frame.subarray(0, 7) : frame.subarray(7)));
    expect(read(halves, { role: "server" })).toHaveLength(20_000);
  });

  test("is not that of control frames", () => {
    const pings = join([hex("01 00"), ...Array.from({ length: 20_000 }, () => hex("89 00")), hex("80 00")]);
    const calls = read([pings], { role: "client" });
    expect(calls).toHaveLength(20_001);
    expect(calls.at(-1)).toEqual(["text", ""]);
  });
});
