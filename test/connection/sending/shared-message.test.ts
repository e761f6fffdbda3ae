import { constants, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Deflater } from "../../../src/compression/codec.ts";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { SharedMessage, sharedFrameOf } from "../../../src/connection/sending/shared-message.ts";
import { utf8 } from "../../support/bytes.ts";
import { outgoing } from "../../support/outgoing.ts";

const settings = { threshold: 0, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const TEXT = "a text that is repeated, a text that is repeated, ".repeat(10);

/** Counts what it compresses. */
class CountingDeflater implements Deflater {
  count = 0;
  readonly #deflater = sharedDeflater(settings);

  deflate(...message: Parameters<Deflater["deflate"]>): ReturnType<Deflater["deflate"]> {
    this.count++;
    return this.#deflater.deflate(...message);
  }

  reset(): void {}
}

function payloadOf(frame: Uint8Array): string {
  const payload = Buffer.concat([frame.subarray(frame[1] === 126 ? 4 : 2), Buffer.from([0, 0, 0xff, 0xff])]);
  return inflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
}

describe("a message for many receivers", () => {
  test("is compressed once for each deflater", () => {
    const message = new SharedMessage(outgoing(TEXT));
    const deflaters = [new CountingDeflater(), new CountingDeflater()];
    const compressors = deflaters.map((deflater) => new MessageCompressor(settings, deflater));
    const frames = [0, 1, 0, 1, 0].map((i) => message.compressedFrame(compressors[i]!)!);
    expect(deflaters.map(({ count }) => count)).toEqual([1, 1]);
    expect(frames[2]).toBe(frames[0]);
    expect(frames[0]![0]).toBe(0xc1);
    expect(payloadOf(frames[0]!)).toBe(TEXT);
    expect(new SharedMessage(outgoing(utf8(TEXT))).compressedFrame(compressors[0]!)![0]).toBe(0xc2);
  });

  test("that does not get smaller has no compressed frame, and is tried once", () => {
    const deflater = new CountingDeflater();
    const message = new SharedMessage(outgoing("x"));
    for (let i = 0; i < 3; i++)
      expect(message.compressedFrame(new MessageCompressor(settings, deflater))).toBeUndefined();
    expect(deflater.count).toBe(1);
  });

  test("may be compressed in another thread, once", async () => {
    const deflater = new CountingDeflater();
    const compressor = new MessageCompressor(settings, deflater);
    const message = new SharedMessage(outgoing(TEXT));
    const promise = message.compressLater(compressor, { isWanted: true });
    expect(message.compressLater(compressor, { isWanted: true })).toBe(promise);
    expect(await promise).toBe(message);
    expect(payloadOf(message.compressedFrame(compressor)!)).toBe(TEXT);
    const short = await new SharedMessage(outgoing("x")).compressLater(compressor, { isWanted: true });
    expect(short.compressedFrame(compressor)).toBeUndefined();
    expect(deflater.count).toBe(0);
  });

  test("has its frame only where frames can be shared", () => {
    const message = new SharedMessage(outgoing("text"));
    expect(sharedFrameOf(message, true)).toBe(message.frame);
    expect(sharedFrameOf(message, false)).toBeUndefined();
    expect(sharedFrameOf(outgoing("text"), true)).toBeUndefined();
  });
});
