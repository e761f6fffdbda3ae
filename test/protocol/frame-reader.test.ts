import { describe, expect, test } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { copy, fill, hex, join, toHex } from "../support/bytes.ts";
import { asClient } from "../support/frames.ts";
import { bothRoles, cutEverywhere, read, threeWays } from "../support/read-frames.ts";
import { type Call, RecordingSink } from "../support/recording-sink.ts";

const server = { role: "server" } as const;
const client = { role: "client" } as const;

describe("the examples of RFC 6455 5.7", () => {
  test("a text message, not masked", () => {
    threeWays(hex("81 05 48 65 6c 6c 6f"), [["text", "Hello"]], client);
  });

  // shows 6455-6.2-5, 6455-5.3-5
  test("a text message, masked", () => {
    threeWays(hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"), [["text", "Hello"]], server);
  });

  // shows 6455-5.4-2, 6455-5.4-5
  test("a text message in two fragments", () => {
    threeWays(hex("01 03 48 65 6c", "80 02 6c 6f"), [["text", "Hello"]], client);
  });

  test("a ping, and a pong that is masked", () => {
    threeWays(hex("89 05 48 65 6c 6c 6f"), [["ping", "48656c6c6f"]], client);
    threeWays(hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58"), [["pong", "48656c6c6f"]], server);
  });

  test("256 bytes of binary", () => {
    bothRoles([hex("82 7e 01 00", fill(0xb0, 256))], [["binary", "b0".repeat(256)]]);
  });

  test("64 KiB of binary", () => {
    bothRoles([hex("82 7f 00 00 00 00 00 01 00 00", fill(0xb0, 65_536))], [["binary", "b0".repeat(65_536)]]);
  });
});

describe("the payload's length", () => {
  // shows 6455-5.2-7
  test.each([
    ["0, in 7 bits", "82 00", 0],
    ["1", "82 01", 1],
    ["125, the most that 7 bits say", "82 7d", 125],
    ["126, in 16 bits", "82 7e 00 7e", 126],
    ["127", "82 7e 00 7f", 127],
    ["256", "82 7e 01 00", 256],
    ["65,535, the most that 16 bits say", "82 7e ff ff", 65_535],
    ["65,536, in 64 bits", "82 7f 00 00 00 00 00 01 00 00", 65_536],
    ["66,051", "82 7f 00 00 00 00 00 01 02 03", 66_051],
  ])("is read: %s", (_what, header, length) => {
    bothRoles([hex(header, fill(0x5a, length))], [["binary", "5a".repeat(length)]]);
  });

  // shows 6455-5.2-6
  test.each([
    ["0 in 16 bits", "82 7e 00 00"],
    ["125 in 16 bits", "82 7e 00 7d"],
    ["0 in 64 bits", "82 7f 00 00 00 00 00 00 00 00"],
    ["126 in 64 bits", "81 7f 00 00 00 00 00 00 00 7e"],
    ["65,535 in 64 bits", "82 7f 00 00 00 00 00 00 ff ff"],
    ["125 in 16 bits, of a first fragment", "01 7e 00 7d"],
  ])("is refused when it is not in its shortest form: %s", (_what, header) => {
    bothRoles([hex(header)], [["fail", "HWS_LENGTH_NOT_MINIMAL", 1002]]);
  });

  // shows 6455-5.2-4
  test.each(["82 7f 80 00 00 00 00 00 00 00", "82 7f 80 00 00 00 00 01 00 00", "01 7f ff ff ff ff ff ff ff ff"])(
    "is refused when the highest of 64 bits is set: %s",
    (header) => {
      bothRoles([hex(header)], [["fail", "HWS_LENGTH_SIGN", 1002]]);
    },
  );

  test.each([
    ["2^53 - 1", "82 7f 00 1f ff ff ff ff ff ff"],
    ["2^53 + 1", "82 7f 00 20 00 00 00 00 00 01"],
    ["2^63 - 1", "82 7f 7f ff ff ff ff ff ff ff"],
    ["2^32, of which a 32-bit number keeps nothing", "82 7f 00 00 00 01 00 00 00 00"],
  ])("is too big for any limit: %s", (_what, header) => {
    bothRoles([hex(header)], [["fail", "HWS_MESSAGE_TOO_BIG", 1009]]);
  });
});

describe("masking", () => {
  // shows 6455-5.1-2
  test.each(["81 00", "82 7e", "01 05", "00 00", "88 00", "89 00", "8a 00"])(
    "is required from a client: a server refuses %s",
    (start) => {
      threeWays(hex(start), [["fail", "HWS_MASK_MISSING", 1002]], server);
    },
  );

  // shows 6455-5.1-4
  test.each(["81 80", "82 fe", "01 85", "00 80", "88 80", "89 80", "8a 80"])(
    "is not allowed to a server: a client refuses %s",
    (start) => {
      threeWays(hex(start), [["fail", "HWS_MASK_FORBIDDEN", 1002]], client);
    },
  );

  test("with a key of zeros is masking too", () => {
    threeWays(hex("81 82 00 00 00 00 48 69"), [["text", "Hi"]], server);
  });

  test("has a key of its own in each frame", () => {
    const frames = hex("01 82 01 02 03 04 49 6b", "80 81 ff 00 00 00 de", "89 83 10 20 30 40 51 62 73");
    threeWays(
      frames,
      [
        ["text", "Hi!"],
        ["ping", "414243"],
      ],
      server,
    );
  });

  // shows 6455-5.3-5
  test("goes on with the right octet of the key wherever the payload is cut", () => {
    const payload = Uint8Array.from({ length: 150 }, (_, i) => i);
    cutEverywhere(asClient(hex("82 7e 00 96", payload)), [["binary", toHex(payload)]], server);
  });
});

describe("reserved bits and opcodes", () => {
  const reservedBits = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70];

  // shows 6455-5.2-2
  test.each(reservedBits)("bits 0x%x fail the connection in any frame", (bits) => {
    for (const first of [0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a]) {
      bothRoles([hex(Uint8Array.of(first | bits, 0))], [["fail", "HWS_RESERVED_BITS", 1002]]);
    }
  });

  // shows 6455-5.2-3
  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])("opcode %i fails the connection", (opcode) => {
    for (const fin of [0x80, 0]) {
      bothRoles([hex(Uint8Array.of(fin | opcode, 0))], [["fail", "HWS_RESERVED_OPCODE", 1002]]);
    }
  });

  test("fail with the second byte: nothing more is waited for", () => {
    expect(read([hex("f1 fe")], server)).toEqual([["fail", "HWS_RESERVED_BITS", 1002]]);
    expect(read([hex("f1")], server)).toEqual([]);
  });
});

describe("chunks", () => {
  const frames = [
    hex("81 05 48 65 6c 6c 6f"),
    hex("02 7e 00 7e", fill(1, 126)),
    hex("89 02 50 69"),
    hex("00 00"),
    hex("80 7f 00 00 00 00 00 01 00 00", fill(2, 65_536)),
    hex("8a 00"),
    hex("81 00"),
    hex("88 05 03 e8 62 79 65"),
  ];
  const calls: readonly Call[] = [
    ["text", "Hello"],
    ["ping", "5069"],
    ["binary", "01".repeat(126) + "02".repeat(65_536)],
    ["pong", ""],
    ["text", ""],
    ["close", 1000, "bye"],
  ];

  // shows 6455-5.4-11
  test("may end at each offset of a header", () => {
    for (const [bytes, options] of [
      [join(frames), client],
      [join(frames.map((frame) => asClient(frame))), server],
    ] as const) {
      // All cuts but those deep inside the long payload.
      const tail = bytes.length - 80;
      for (let cut = 0; cut < bytes.length; cut += cut === 240 ? tail - 240 : 1) {
        const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)];
        expect(read(chunks, options), `cut at ${cut}`).toEqual(calls);
      }
    }
  });

  test.each([
    ["16 bits", "82 fe 00 7e 01 02 03 04", 126],
    ["64 bits", "82 ff 00 00 00 00 00 01 00 00 01 02 03 04", 65_536],
  ])("may end at each two offsets of a masked header with a length of %s", (_what, header, length) => {
    const bytes = hex(header, fill(9, length));
    const size = hex(header).length;
    const expected = read([bytes], server);
    expect(expected).toHaveLength(1);
    for (let first = 0; first <= size; first++) {
      for (let second = first; second <= size; second++) {
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(read(chunks, server), `cut at ${first} and ${second}`).toEqual(expected);
      }
    }
  });

  test("may be empty", () => {
    const chunks = ["", "81", "", "05 48", "", "65 6c 6c 6f", ""].map((text) => hex(text));
    expect(read(chunks, client)).toEqual([["text", "Hello"]]);
  });

  test("may hold many messages", () => {
    const bytes = join(Array.from({ length: 1000 }, () => hex("81 02 48 69")));
    expect(read([bytes], client)).toEqual(Array.from({ length: 1000 }, () => ["text", "Hi"]));
  });
});

describe("memory", () => {
  test("of a message that lies whole in a chunk is the chunk's own", () => {
    const chunk = hex("89 00", "82 03 01 02 03");
    const seen: unknown[] = [];
    const sink = Object.assign(new RecordingSink(), {
      onMessage: (_opcode: number, bytes: Uint8Array, start: number, end: number) =>
        seen.push(bytes === chunk, start, end),
    });
    new FrameReader(sink, client).push(chunk);
    expect(seen).toEqual([true, 4, 7]);
  });

  test("that was handed over does not change when more is read; a ping's is valid until the call returns", () => {
    const kept: Uint8Array[] = [];
    const sink = Object.assign(new RecordingSink(), {
      onMessage: (_opcode: number, bytes: Uint8Array, start: number, end: number) =>
        kept.push(bytes.subarray(start, end)),
      onPing: (payload: Uint8Array) => kept.push(Uint8Array.from(payload)),
    });
    const reader = new FrameReader(sink, server);
    const bytes = join(
      ["02 01 01", "89 02 02 02", "80 03 03 03 03", "82 04 04 04 04 04"].map((text) => asClient(hex(text))),
    );
    for (let round = 0; round < 3; round++) for (const byte of bytes) reader.push(copy(Uint8Array.of(byte)));
    reader.push(copy(bytes));
    const expected = ["0202", "01030303", "04040404"];
    expect(kept.map(toHex)).toEqual([...expected, ...expected, ...expected, ...expected]);
  });
});

describe("a sink that stops the reader", () => {
  const frames = hex("81 01 61", "89 01 62", "02 01 63", "8a 01 64", "80 01 65", "81 01 66");

  test.each(["text", "ping", "pong", "binary"])("stops the reader inside its callback: %s", (kind) => {
    for (const bytes of [[frames], Array.from(frames, (byte) => Uint8Array.of(byte))]) {
      const reader: FrameReader = new FrameReader(
        new RecordingSink((call) => {
          stopped.push(call[0]);
          if (call[0] === kind) reader.stop();
        }),
        client,
      );
      const stopped: string[] = [];
      for (const chunk of bytes) reader.push(copy(chunk));
      reader.push(hex("81 01 67"));
      expect(stopped.indexOf(kind)).toBe(stopped.length - 1);
    }
  });

  test.each([1, 3, 8, 12])("stops it between chunks, at %i bytes of a message", (at) => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, client);
    const bytes = hex("01 03 48 65 6c", "89 05 48 65 6c 6c 6f", "80 02 6c 6f");
    reader.push(copy(bytes.subarray(0, at)));
    reader.stop();
    const before = [...sink.calls];
    reader.push(copy(bytes.subarray(at)));
    reader.push(hex("81 00"));
    expect(sink.calls).toEqual(before);
  });
});
