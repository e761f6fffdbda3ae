import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameEncoder, serializeFrame } from "../../src/protocol/frame-encoder.ts";
import { FIN, headerSize, writeHeader } from "../../src/protocol/frame-header.ts";
import { allocate } from "../../src/protocol/bytes.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { copy, fill, hex, join, toHex, utf8 } from "../support/bytes.ts";
import { encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { read } from "../support/read-frames.ts";

/** RFC 6455 5.7: 37 fa 21 3d, first byte lowest. */
const KEY = 0x3d21fa37;

describe("a frame", () => {
  // shows 6455-5.1-3, 6455-6.1-3, 6455-6.1-4, 6455-6.1-5
  test("of a server is that of RFC 6455 5.7, not masked", () => {
    expect(toHex(serializeFrame(FIN | Opcode.text, utf8("Hello")))).toBe("810548656c6c6f");
  });

  // shows 6455-5.3-5
  test("of a client is that of RFC 6455 5.7, masked", () => {
    expect(toHex(serializeFrame(FIN | Opcode.text, utf8("Hello"), KEY))).toBe("818537fa213d7f9f4d5158");
  });

  test("is a copy: the payload stays as it was", () => {
    const payload = utf8("Hello");
    serializeFrame(FIN | Opcode.text, payload, KEY);
    expect(toHex(payload)).toBe("48656c6c6f");
  });

  test.each([
    ["text", Opcode.text, "8100"],
    ["binary", Opcode.binary, "8200"],
    ["close", Opcode.close, "8800"],
    ["ping", Opcode.ping, "8900"],
    ["pong", Opcode.pong, "8a00"],
  ])("without a payload is two bytes: %s", (_name, opcode, expected) => {
    expect(toHex(serializeFrame(FIN | opcode, hex("")))).toBe(expected);
  });
});

describe("an encoder", () => {
  test("of a server does not mask", () => {
    const encoder = new FrameEncoder();
    expect([encoder.masks, encoder.headerSize(5), encoder.headerSize(126)]).toEqual([false, 2, 4]);
    expect(toHex(encoder.serialize(FIN | Opcode.text, utf8("Hello")))).toBe("810548656c6c6f");
  });

  test("of a client masks each frame with the next key, and leaves the payload as it was", () => {
    const keys = [KEY, 0, 0xff];
    const encoder = new FrameEncoder(() => keys.shift()!);
    const payload = utf8("Hello");
    expect([encoder.masks, encoder.headerSize(5), encoder.headerSize(126)]).toEqual([true, 6, 8]);
    expect(toHex(encoder.serialize(FIN | Opcode.text, payload))).toBe("818537fa213d7f9f4d5158");
    expect(toHex(encoder.serialize(FIN | Opcode.text, payload))).toBe("81850000000048656c6c6f");
    expect(toHex(encoder.serialize(FIN | Opcode.text, payload))).toBe("8185ff000000b7656c6c90");
    expect(toHex(payload)).toBe("48656c6c6f");
  });

  test.each([
    ["server", undefined, "eeee810548656c6c6feeee"],
    ["client", () => KEY, "eeee818537fa213d7f9f4d5158eeee"],
  ])("of a %s writes at the given place, and nowhere else", (_role, nextKey, expected) => {
    const encoder = new FrameEncoder(nextKey);
    const bytes = allocate(expected.length / 2);
    bytes.fill(0xee);
    const end = encoder.write(bytes, 2, FIN | Opcode.text, utf8("Hello"));
    expect([toHex(bytes), end]).toEqual([expected, bytes.length - 2]);
  });
});

describe("a header", () => {
  // shows 6455-5.2-5, 6455-5.2-7
  test.each([
    [0, "8200"],
    [1, "8201"],
    [125, "827d"],
    [126, "827e007e"],
    [127, "827e007f"],
    [256, "827e0100"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
    [2 ** 32 - 1, "827f00000000ffffffff"],
    [2 ** 32, "827f0000000100000000"],
    [2 ** 53 - 1, "827f001fffffffffffff"],
  ])("gives the length %d in its shortest form", (length, expected) => {
    const bytes = new Uint8Array(20);
    const end = writeHeader(bytes, 0, FIN | Opcode.binary, length);
    expect(toHex(bytes.subarray(0, end))).toBe(expected);
    expect(headerSize(length, false)).toBe(end);
    expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
  });

  // shows 6455-5.3-1
  test.each([
    [5, "0285"],
    [126, "02fe007e"],
    [65_536, "02ff0000000000010000"],
  ])("of %d bytes that are masked ends with the key", (length, expected) => {
    const bytes = new Uint8Array(20);
    const end = writeHeader(bytes, 0, Opcode.binary, length, 0xd4c3b2a1);
    expect(toHex(bytes.subarray(0, end))).toBe(`${expected}a1b2c3d4`);
    expect(headerSize(length, true)).toBe(end);
  });

  test("with the key 0 is masked too", () => {
    const bytes = new Uint8Array(6).fill(0xff);
    writeHeader(bytes, 0, FIN | Opcode.text, 0, 0);
    expect(toHex(bytes)).toBe("818000000000");
  });

  test("is written at the given place, and nowhere else", () => {
    const bytes = new Uint8Array(6).fill(0xee);
    expect(writeHeader(bytes, 2, FIN | Opcode.ping, 3)).toBe(4);
    expect(toHex(bytes)).toBe("eeee8903eeee");
  });
});

describe("what is written", () => {
  test("is byte for byte what RFC 6455 5.2 says", () => {
    const property = fc.property(
      fc.boolean(),
      fc.constantFrom(0, 1, 2, 8, 9, 10),
      fc.oneof(
        fc.uint8Array({ maxLength: 130 }),
        fc.constantFrom(65_535, 65_536, 70_001).map((n) => fill(0xa5, n)),
      ),
      fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined, freq: 2 }),
      (fin, opcode, payload, key) => {
        const number = key && new DataView(key.buffer, key.byteOffset).getInt32(0, true);
        const written = serializeFrame((fin ? FIN : 0) | opcode, payload, number);
        expect(toHex(written)).toBe(toHex(encode({ fin, opcode, payload }, key && [...key])));
      },
    );
    fc.assert(property, { seed, numRuns: cases(500) });
  });

  test("is read as it was", () => {
    const property = fc.property(fc.string({ unit: "binary", maxLength: 100 }), fc.integer(), (text, key) => {
      const payload = utf8(text);
      expect(read([serializeFrame(FIN | Opcode.text, payload)], { role: "client" })).toEqual([["text", text]]);
      expect(read([serializeFrame(FIN | Opcode.text, payload, key)], { role: "server" })).toEqual([["text", text]]);
      const both = join([
        serializeFrame(FIN | Opcode.ping, payload.subarray(0, 125), key),
        copy(hex("8a 80 00 00 00 00")),
      ]);
      expect(read([both], { role: "server" })).toEqual([
        ["ping", toHex(payload.subarray(0, 125))],
        ["pong", ""],
      ]);
    });
    fc.assert(property, { seed, numRuns: cases(500) });
  });
});
