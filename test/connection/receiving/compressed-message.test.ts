import { randomBytes } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { CompressedMessage, receiveCompressed } from "../../../src/connection/receiving/compressed-message.ts";
import { ProtocolError } from "../../../src/errors/errors.ts";
import { type Bytes, asBytes } from "../../../src/protocol/bytes.ts";
import { Opcode } from "../../../src/protocol/opcodes.ts";
import { decoders } from "../../support/decoders.ts";

const MIB = 1024 * 1024;
const WANTED = { isWanted: true };
const auto = { decode: decoders.auto, maxMessageSize: MIB };

function deflate(data: string | Uint8Array): Bytes {
  return asBytes(deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));
}

describe("a compressed message that need not wait", () => {
  test.each(["", "text", "h\u00e9llo \u{1f600}"])("is decompressed and decoded: %j", (text) => {
    expect(receiveCompressed(Opcode.text, deflate(text), auto, false)).toBe(text);
    expect(receiveCompressed(Opcode.binary, deflate(text), auto, false)).toEqual(Buffer.from(text));
    expect(receiveCompressed(Opcode.text, deflate(text), { ...auto, decode: decoders.blob }, false)).toEqual(
      Buffer.from(text),
    );
    expect(receiveCompressed(Opcode.binary, deflate(text), { ...auto, decode: decoders.text }, false)).toBe(text);
  });

  test("has memory of its own where a handler may keep it", () => {
    const first = receiveCompressed(Opcode.binary, deflate("first"), auto, false);
    receiveCompressed(Opcode.binary, deflate("other"), auto, false);
    expect(first).toEqual(Buffer.from("first"));
  });

  test.each([
    ["data that is not DEFLATE", asBytes(Buffer.from([0x07])), "HWS_INVALID_COMPRESSION"],
    ["a payload that ends early", asBytes(deflate("a longer text").subarray(0, 6)), "HWS_INVALID_COMPRESSION"],
    ["a text that is not UTF-8", deflate(Buffer.from([0x61, 0xff])), "HWS_INVALID_UTF8"],
    ["more than the limit", deflate("x".repeat(1001)), "HWS_MESSAGE_TOO_BIG"],
  ])("throws for %s", (_what, payload, code) => {
    const settings = { ...auto, maxMessageSize: 1000 };
    expect(() => receiveCompressed(Opcode.text, payload, settings, false)).toThrow(
      expect.objectContaining({ constructor: ProtocolError, code }) as Error,
    );
  });
});

describe("a compressed message that must wait, or is large", () => {
  const small = deflate("text");
  const largePayload = randomBytes(70 * 1024).toString("hex");
  const largeResult = "x".repeat(300 * 1024);

  test("stays compressed, in memory of its own", async () => {
    const payload = asBytes(Buffer.from(small));
    const message = receiveCompressed(Opcode.text, payload, auto, true) as CompressedMessage;
    payload.fill(0xff);
    expect(message).toBeInstanceOf(CompressedMessage);
    expect(message.length).toBe(small.length);
    expect(await message.decode(WANTED)).toBe("text");
  });

  test.each([0, 1, 1024, 1025, 5000])("is the same after it has waited with %i bytes", async (size) => {
    const bytes = randomBytes(size);
    const message = receiveCompressed(Opcode.binary, deflate(bytes), auto, true) as CompressedMessage;
    expect(await message.decode(WANTED)).toEqual(bytes);
  });

  test("has no memory but its own bytes: the rest may be that of another connection", async () => {
    // It fills more than half of the memory of one step.
    const bytes = randomBytes(200 * 1024);
    const message = receiveCompressed(Opcode.binary, deflate(bytes), auto, false) as CompressedMessage;
    const result = (await message.decode(WANTED)) as Bytes;
    expect(result.buffer.byteLength).toBe(bytes.length);
  });

  test.each([
    ["payload", largePayload],
    ["result", largeResult],
  ])("is decompressed in another thread if its %s is large", async (_what, text) => {
    const message = receiveCompressed(Opcode.text, deflate(text), auto, false) as CompressedMessage;
    expect(message).toBeInstanceOf(CompressedMessage);
    const decoded = message.decode(WANTED);
    expect(decoded).toBeInstanceOf(Promise);
    expect(await decoded).toBe(text);
    const binary = receiveCompressed(Opcode.binary, deflate(text), auto, false) as CompressedMessage;
    expect(Buffer.from((await binary.decode(WANTED)) as Bytes).toString()).toBe(text);
  });

  test.each([
    ["HWS_INVALID_COMPRESSION", asBytes(deflate(largePayload).subarray(0, 66_000)), MIB],
    ["HWS_MESSAGE_TOO_BIG", deflate(largeResult), 290 * 1024],
    ["HWS_INVALID_UTF8", deflate(Buffer.alloc(300 * 1024, 0xff)), MIB],
  ])("has a promise that is rejected: %s", async (code, payload, maxMessageSize) => {
    for (const mustWait of [true, false]) {
      const settings = { ...auto, maxMessageSize };
      const message = receiveCompressed(Opcode.text, payload, settings, mustWait) as CompressedMessage;
      await expect(message.decode(WANTED)).rejects.toMatchObject({ code });
    }
  });
});
