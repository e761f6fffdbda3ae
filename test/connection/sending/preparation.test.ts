import { describe, expect, test, vi } from "vitest";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { deflateInPool } from "../../../src/compression/zlib-calls.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { Compression } from "../../../src/connection/sending/outgoing-message.ts";
import { needsPreparation, preparationOf } from "../../../src/connection/sending/preparation.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { fill } from "../../support/bytes.ts";
import { outgoing } from "../../support/outgoing.ts";

vi.mock(import("../../../src/compression/zlib-calls.ts"), { spy: true });

const settings = { threshold: 0, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const compressor = new MessageCompressor(settings, sharedDeflater(settings));
const LARGE = "text ".repeat(20_000);
const WANTED = { isWanted: true };

describe("a message needs preparation", () => {
  test("if it is a Blob, or large and to be compressed", () => {
    for (const [message, plain, compressed] of [
      [outgoing("short"), false, false],
      [outgoing(LARGE), false, true],
      [outgoing(fill(1, 65_536)), false, true],
      [outgoing(fill(1, 65_535)), false, false],
      [{ ...outgoing(LARGE), compression: Compression.forbidden }, false, false],
      [outgoing(new Blob(["x"])), true, true],
      [new SharedMessage(outgoing(LARGE)), false, true],
    ] as const) {
      expect(needsPreparation(message, undefined)).toBe(plain);
      expect(needsPreparation(message, compressor)).toBe(compressed);
      expect(preparationOf(message, undefined, WANTED) !== undefined).toBe(plain);
      expect(preparationOf(message, compressor, WANTED) !== undefined).toBe(compressed);
    }
  });

  test("not if it is below the threshold, however large that is", () => {
    const high = new MessageCompressor({ ...settings, threshold: Infinity }, compressor.alone);
    expect(preparationOf(outgoing(LARGE), high, WANTED)).toBeUndefined();
  });
});

describe("the prepared message", () => {
  test("has the bytes of its Blob, compressed if they are large", async () => {
    expect(await preparationOf(outgoing(new Blob(["text"]), "key"), compressor, WANTED)).toEqual({
      ...outgoing(Buffer.from("text"), "key"),
    });
    const large = await preparationOf(outgoing(new Blob([LARGE])), compressor, WANTED);
    expect(large).toMatchObject({ opcode: 2, compression: Compression.done });
    expect((large!.payload as Uint8Array).length).toBeLessThan(2000);
  });

  test("is not compressed when it does not get smaller, and that is not tried again", async () => {
    const noise = crypto.getRandomValues(new Uint8Array(65_536));
    const prepared = await preparationOf(outgoing(noise), compressor, WANTED);
    expect(prepared).toMatchObject({ payload: noise, compression: Compression.forbidden });
  });

  test("is the same for all connections: a loop that sends a large text compresses it once", async () => {
    const messages = [outgoing(LARGE), outgoing([LARGE].join("")), outgoing(`${LARGE}.`), outgoing(`${LARGE}.`, "key")];
    const prepared = messages.map((message) => preparationOf(message, compressor, WANTED)!);
    const [first, second, other, keyed] = await Promise.all(prepared);
    expect(first).toBeInstanceOf(SharedMessage);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    expect(keyed).toMatchObject({ key: "key" });
  });

  test("is not compressed if its queue was dropped before its turn, and no memory is copied for it", async () => {
    vi.mocked(deflateInPool).mockClear();
    const owner = { isWanted: true };
    const messages = [1, 2, 3].map(() => outgoing(fill(1, 70_000)));
    const prepared = messages.map((message) => preparationOf(message, compressor, owner)!);
    owner.isWanted = false;
    await Promise.all(prepared);
    expect(deflateInPool).toHaveBeenCalledTimes(1);
  });

  test("is compressed for many connections as long as one of them wants it, and again for one that comes later", async () => {
    vi.mocked(deflateInPool).mockClear();
    const first = preparationOf(outgoing(fill(1, 70_000)), compressor, WANTED);
    const owners = [{ isWanted: true }, { isWanted: true }];
    const [one, none] = [new SharedMessage(outgoing(LARGE)), new SharedMessage(outgoing(LARGE))];
    const prepared = owners.flatMap((owner) => [one, none].map((message) => message.compressLater(compressor, owner)));
    for (const owner of owners) owner.isWanted = false;
    void one.compressLater(compressor, WANTED);
    await Promise.all([first, ...prepared]);
    expect(deflateInPool).toHaveBeenCalledTimes(2);
    await none.compressLater(compressor, owners[0]!);
    expect(deflateInPool).toHaveBeenCalledTimes(2);
    await none.compressLater(compressor, WANTED);
    expect(deflateInPool).toHaveBeenCalledTimes(3);
    expect(none.compressedFrame(compressor)).toEqual(one.compressedFrame(compressor));
  });

  test("fails if its memory is transferred before its turn", async () => {
    const before = preparationOf(outgoing(fill(1, 70_000)), compressor, WANTED);
    const bytes = fill(1, 70_000);
    const failing = preparationOf(outgoing(bytes), compressor, WANTED);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    await expect(failing).rejects.toMatchObject({ code: "HWS_SEND_FAILED" });
    await before;
  });
});
