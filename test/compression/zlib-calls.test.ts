import { describe, expect, test, vi } from "vitest";
import { deflateInPool, deflateOnce, inflateInPool, inflateOnce } from "../../src/compression/zlib-calls.ts";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { hex, json, noise, readBack } from "./samples.ts";

const SETTINGS = { level: 6, memLevel: 5, windowBits: 12 };

/** What both ways return. */
async function inflated(payload: Bytes, maxSize: number): Promise<Bytes | string> {
  const message = inflateOnce(payload, maxSize);
  const later = await inflateInPool(payload, maxSize);
  if (typeof message === "string" || typeof later === "string") expect(later).toBe(message);
  else expect(Buffer.from(later).equals(message)).toBe(true);
  return message;
}

describe("zlib's public functions, at once and in the thread pool,", () => {
  test.each([0, 1, 1000, 1_500_000])("compress and decompress %i bytes", async (size) => {
    for (const message of [json(size), noise(size)]) {
      const blocks = deflateOnce(message, SETTINGS);
      expect(readBack(blocks).equals(message)).toBe(true);
      expect(Buffer.from(blocks).equals(await deflateInPool(message, SETTINGS))).toBe(true);
      expect(Buffer.from(message).equals((await inflated(blocks, size)) as Bytes)).toBe(true);
    }
  });

  test("decompress 1 MiB in one step of the thread pool: each further step would keep the main thread busy", async () => {
    const size = 1024 * 1024;
    const message = (await inflateInPool(deflateOnce(asBytes(Buffer.alloc(size)), SETTINGS), size)) as Bytes;
    expect(message).toHaveLength(size);
    expect(message.buffer.byteLength).toBe(size);
  });

  test("report a message that is too big, one that is not DEFLATE, and one that ends early", async () => {
    const blocks = deflateOnce(json(1000), SETTINGS);
    expect(await inflated(blocks, 999)).toBe("HWS_MESSAGE_TOO_BIG");
    expect(await inflated(hex("07 07"), 1000)).toBe("HWS_INVALID_COMPRESSION");
    expect(await inflated(blocks.subarray(0, 50), 1000)).toBe("HWS_INVALID_COMPRESSION");
  });

  test("read on after a block with BFINAL set, to a limit (RFC 7692 7.2.1)", async () => {
    const part = "01 02 00 fd ff 48 65";
    expect(await inflated(hex(`${part} ${part} 00`), 4)).toEqual(Buffer.from("HeHe"));
    expect(await inflated(hex(`${part} ${part} 00`), 3)).toBe("HWS_MESSAGE_TOO_BIG");
    expect(await inflated(hex(`${"03 00".repeat(4)} 00`), 0)).toEqual(Buffer.alloc(0));
    expect(await inflated(hex(`${"03 00".repeat(5)} 00`), 0)).toBe("HWS_INVALID_COMPRESSION");
  });

  test("copy no payload for each of its parts", async () => {
    const payload = asBytes(Buffer.concat([hex("03 00".repeat(4)), deflateOnce(noise(17_000), SETTINGS)]));
    const concat = vi.spyOn(Buffer, "concat");
    expect(await inflated(payload, 20_000)).toHaveLength(17_000);
    const joined = concat.mock.calls.flatMap(([list]) => list).filter(({ length }) => length > 10_000);
    concat.mockRestore();
    // The payload and its tail at once; and each result.
    expect(joined.length).toBeLessThanOrEqual(3);
  });

  test("report a payload that ends inside a stored block, wherever it was cut", async () => {
    const stored = hex("00 14 00 eb ff 48 65 6c 6c 6f 48 65 6c 6c 6f 48 65 6c 6c 6f 48 65 6c 6c 6f 00");
    expect(await inflated(stored, 100)).toHaveLength(20);
    for (let end = 2; end < stored.length; end++)
      expect(await inflated(stored.subarray(0, end), 100)).toBe("HWS_INVALID_COMPRESSION");
    const zeroes = hex("00 04 00 fb ff 00 00 ff ff 00");
    expect(await inflated(zeroes, 100)).toEqual(Buffer.from("0000ffff", "hex"));
    expect(await inflated(zeroes, 4)).toHaveLength(4);
  });

  test("throw what the peer did not cause", async () => {
    const wrong = { level: 6, memLevel: 5, windowBits: 99 };
    expect(() => deflateOnce(json(10), wrong)).toThrow(RangeError);
    await expect(deflateInPool(json(10), wrong)).rejects.toThrow(RangeError);
    expect(() => inflateOnce("no bytes" as unknown as Bytes, 10)).toThrow();
    await expect(inflateInPool(undefined as unknown as Bytes, 10)).rejects.toThrow();
  });
});
