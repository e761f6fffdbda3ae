import { type InflateRaw, constants, createInflateRaw, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Deflater } from "../../../src/compression/codec.ts";
import { DeflatePool } from "../../../src/compression/deflate-pool.ts";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { MessageCompressor, compressBy, isLarge } from "../../../src/connection/sending/message-compressor.ts";
import { copyOf } from "../../../src/protocol/bytes.ts";
import { fill, utf8 } from "../../support/bytes.ts";

const settings = { threshold: 100, level: 6, memLevel: 5, windowBits: 12, pool: 0 };
const alone = sharedDeflater(settings);
const TEXT = "a text that is repeated, a text that is repeated, a text that is repeated, a text that is repeated";
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

function inflate(data: Uint8Array): string {
  return inflateRawSync(Buffer.concat([data, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
}

/** Decompresses one message after the other, with the window of those before. */
async function inflateNext(stream: InflateRaw, data: Uint8Array): Promise<string> {
  const chunks: Buffer[] = [];
  const onData = (chunk: Buffer): void => void chunks.push(chunk);
  stream.on("data", onData);
  stream.write(Buffer.concat([data, TAIL]));
  await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
  stream.off("data", onData);
  return Buffer.concat(chunks).toString();
}

describe("a message is worth compressing", () => {
  test("from the threshold on, in bytes", () => {
    const compressor = new MessageCompressor(settings, alone);
    for (const [payload, isWorth] of [
      ["x".repeat(99), false],
      ["x".repeat(100), true],
      ["\u00e9".repeat(49), false],
      ["\u00e9".repeat(50), true],
      ["\u20ac".repeat(33), false],
      ["\u20ac".repeat(34), true],
      [fill(1, 99), false],
      [fill(1, 100), true],
    ] as const)
      expect(compressor.isWorth(payload)).toBe(isWorth);
  });

  test("in another thread from 64 KiB on", () => {
    for (const size of [65_535, 65_536]) {
      expect(isLarge("x".repeat(size))).toBe(size === 65_536);
      expect(isLarge(fill(1, size))).toBe(size === 65_536);
    }
    expect([isLarge("\u20ac".repeat(21_845)), isLarge("\u20ac".repeat(21_846))]).toEqual([false, true]);
  });
});

describe("without a pool", () => {
  const compressor = new MessageCompressor(settings, alone);

  test("each message is compressed by itself", () => {
    const [first, second] = [1, 2].map(() => Buffer.from(compressor.compress(TEXT)!));
    expect(first).toEqual(second);
    expect(inflate(first!)).toBe(TEXT);
    expect(Buffer.from(compressor.compress(utf8(TEXT))!)).toEqual(first);
    compressor.forgetHistory();
  });

  test("a message that does not get smaller is not compressed", async () => {
    expect(compressor.compress("x")).toBeUndefined();
    expect(compressBy(utf8("x"), alone)).toBeUndefined();
    expect(await compressor.compressLater(() => utf8("x"))).toBeUndefined();
  });

  test("another thread compresses a copy", async () => {
    const bytes = utf8(TEXT.repeat(1000));
    const compressed = compressor.compressLater(() => copyOf(bytes));
    bytes.fill(0);
    expect(inflate((await compressed)!)).toBe(TEXT.repeat(1000));
  });
});

test("a message goes out as it is if zlib gets no memory", () => {
  const failing: Deflater = {
    deflate: () => {
      throw new Error("no memory");
    },
    reset: () => undefined,
  };
  expect(compressBy(TEXT, failing)).toBeUndefined();
  expect(new MessageCompressor(settings, failing).compress(utf8(TEXT))).toBeUndefined();
});

describe("with a pool", () => {
  const pool = new DeflatePool(1, settings);
  const [one, other] = [0, 1].map(() => new MessageCompressor({ ...settings, pool: 1 }, alone, pool));

  test("a message refers to those before it, and the peer reads all, also when others take the deflater", async () => {
    const stream = createInflateRaw();
    const sizes = [];
    for (const step of ["send", "send", "take", "send", "send", "refuse", "send", "forget", "send"]) {
      if (step === "take") other!.compress(TEXT);
      else if (step === "forget") one!.forgetHistory();
      // Not sent compressed: the peer's window does not have it.
      else if (step === "refuse") expect(one!.compress("\u0001\u0002")).toBeUndefined();
      else {
        const compressed = Buffer.from(one!.compress(TEXT)!);
        expect(await inflateNext(stream, compressed)).toBe(TEXT);
        sizes.push(compressed.length);
      }
    }
    const [full, short] = sizes;
    expect(short).toBeLessThan(full! / 2);
    expect(sizes).toEqual([full, short, full, short, full, full]);
    one!.forgetHistory();
    expect(pool.used).toBe(0);
  });
});
