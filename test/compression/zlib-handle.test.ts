import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Handle, isMalformed } from "../../src/compression/zlib-handle.ts";
import { allocate } from "../../src/protocol/bytes.ts";
import { FLUSH, hex, json, readBack } from "./samples.ts";

describe("a kept handle", () => {
  test("writes a range to a range, and says what is free and what was not read", () => {
    const handle = new Handle(createDeflateRaw({ chunkSize: 64 }));
    const [message, output] = [json(1024), allocate(2048)];
    expect(handle.write(message, 100, 500, output, 48, 2000)).toBe(0);
    expect(handle.unread).toBe(0);
    const end = 2048 - handle.free;
    expect(FLUSH.equals(output.subarray(end - 4, end))).toBe(true);
    expect(readBack(output.subarray(48, end - 4)).equals(message.subarray(100, 600))).toBe(true);
  });

  test("goes on with the next write if the output is full", () => {
    const handle = new Handle(createInflateRaw({ chunkSize: 64 }));
    const payload = hex("f2 48 cd c9 c9 07 00");
    const output = allocate(5);
    expect(handle.write(payload, 0, payload.length, output, 0, 3)).toBe(0);
    expect(handle.free).toBe(0);
    const { unread } = handle;
    expect(handle.write(payload, payload.length - unread, unread, output, 3, 2)).toBe(0);
    expect(Buffer.from(output).toString()).toBe("Hello");
  });

  test("returns zlib's error, and is good again after reset()", () => {
    const handle = new Handle(createInflateRaw({ chunkSize: 64 }));
    const output = allocate(100);
    for (let i = 0; i < 3; i++) {
      expect(handle.write(hex("07 07 07"), 0, 3, output, 0, 100)).toBe(constants.Z_DATA_ERROR);
      handle.reset();
      const payload = hex("f2 48 cd c9 c9 07 00");
      expect(handle.write(payload, 0, payload.length, output, 0, 100)).toBe(0);
      expect(handle.free).toBe(95);
      handle.reset();
    }
  });

  test("is closed once and for all", () => {
    const handle = new Handle(createInflateRaw({ chunkSize: 64 }));
    handle.close();
    expect(() => {
      handle.reset();
    }).toThrow();
  });

  test("tells errors of the data from others, which are thrown", () => {
    expect(isMalformed(constants.Z_DATA_ERROR)).toBe(false);
    expect(isMalformed(constants.Z_NEED_DICT)).toBe(false);
    expect(() => isMalformed(constants.Z_MEM_ERROR)).toThrow(
      expect.objectContaining({ code: "HWS_INTERNAL" }) as Error,
    );
  });
});
