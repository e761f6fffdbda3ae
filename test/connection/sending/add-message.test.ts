import { describe, expect, test } from "vitest";
import { DeflatePool } from "../../../src/compression/deflate-pool.ts";
import { sharedDeflater } from "../../../src/compression/shared-deflaters.ts";
import { addMessage, addText } from "../../../src/connection/sending/add-message.ts";
import { MessageCompressor } from "../../../src/connection/sending/message-compressor.ts";
import { Compression } from "../../../src/connection/sending/outgoing-message.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import type { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { utf8 } from "../../support/bytes.ts";
import { outgoing } from "../../support/outgoing.ts";

const settings = { threshold: 20, level: 1, memLevel: 5, windowBits: 12, pool: 0 };
const alone = sharedDeflater(settings);
const TEXT = "text text text text text text text text";

/** A write buffer that says how each message was added. */
function recorded(sharesFrames = true): WriteBuffer & { readonly log: string[] } {
  const log: string[] = [];
  const first = (bytes: Uint8Array): string => `0x${bytes[0]!.toString(16)}`;
  return {
    log,
    sharesFrames,
    addText: (text: string) => log.push(`text ${text.length}`),
    addShared: (frame: Uint8Array) => log.push(`shared ${first(frame)}`),
    addMessage: (opcode: number, bytes: Uint8Array) =>
      log.push(`message 0x${opcode.toString(16)}${opcode < 16 ? ` ${bytes.length}` : ""}`),
  } as unknown as WriteBuffer & { readonly log: string[] };
}

describe("a message is added", () => {
  test("as it is without compression, below the threshold, and when it does not get smaller", () => {
    const buffer = recorded();
    const compressor = new MessageCompressor(settings, alone);
    addMessage(buffer, outgoing(TEXT), undefined);
    addMessage(buffer, outgoing("short"), compressor);
    addMessage(buffer, outgoing(crypto.getRandomValues(new Uint8Array(25))), compressor);
    addMessage(buffer, { ...outgoing(TEXT), compression: Compression.forbidden }, compressor);
    addMessage(buffer, new SharedMessage(outgoing("short")), compressor);
    expect(buffer.log).toEqual(["text 39", "text 5", "message 0x2 25", "text 39", "shared 0x81"]);
  });

  test("with RSV1 where it is compressed, and from the second time on as a shared frame", () => {
    const buffer = recorded();
    const compressor = new MessageCompressor(settings, alone);
    for (let i = 0; i < 3; i++) addMessage(buffer, outgoing(TEXT), compressor);
    addMessage(buffer, outgoing(utf8(TEXT)), compressor);
    addMessage(buffer, new SharedMessage(outgoing(TEXT)), compressor);
    addMessage(buffer, { ...outgoing(utf8("done")), compression: Compression.done }, compressor);
    expect(buffer.log).toEqual([
      "message 0x41",
      "shared 0xc1",
      "shared 0xc1",
      "message 0x42",
      "shared 0xc1",
      "message 0x42",
    ]);
  });

  test("with its own bytes, also if a client in the same process sends another text between", () => {
    const compressor = new MessageCompressor(settings, alone);
    const sent: Uint8Array[] = [];
    const server = recorded();
    server.addShared = (frame) => void sent.push(frame);
    addMessage(recorded(), outgoing(TEXT), compressor);
    addMessage(recorded(false), outgoing(`another ${TEXT}`), compressor);
    addMessage(server, outgoing(TEXT), compressor);
    expect(sent.map((frame) => Buffer.from(frame.subarray(2)))).toEqual([Buffer.from(compressor.compress(TEXT)!)]);
  });

  test("with the history of its connection, also if a loop sends it to others too", () => {
    const pool = new DeflatePool(2, settings);
    const compressors = [1, 2].map(() => new MessageCompressor({ ...settings, pool: 2 }, alone, pool));
    const buffers = compressors.map(() => recorded());
    for (let i = 0; i < 3; i++)
      for (const [which, compressor] of compressors.entries()) addMessage(buffers[which]!, outgoing(TEXT), compressor);
    expect(buffers.map(({ log }) => log)).toEqual([1, 2].map(() => ["message 0x41", "message 0x41", "message 0x41"]));
    expect(pool.used).toBe(2);
  });

  test("as a shared frame for connections that find no place in the pool: the others keep their history", () => {
    const pool = new DeflatePool(2, settings);
    const compressors = [1, 2, 3, 4, 5].map(() => new MessageCompressor({ ...settings, pool: 2 }, alone, pool));
    const buffers = compressors.map(() => recorded());
    for (const [which, compressor] of compressors.entries())
      addMessage(buffers[which]!, outgoing(`${TEXT} for all`), compressor);
    expect(buffers.map(({ log }) => log[0])).toEqual([
      "message 0x41",
      "message 0x41",
      // The first without a place takes one: nobody knows yet that others send the same.
      "message 0x41",
      "shared 0xc1",
      "shared 0xc1",
    ]);
    expect([pool.used, pool.mustTake(compressors[0]!), pool.mustTake(compressors[1]!)]).toEqual([2, true, false]);
  });

  test("with its own mask where frames cannot be shared", () => {
    const buffer = recorded(false);
    const compressor = new MessageCompressor(settings, alone);
    for (const message of [outgoing(TEXT), outgoing(TEXT), new SharedMessage(outgoing(TEXT))])
      addMessage(buffer, message, compressor);
    addText(buffer, "plain");
    addText(buffer, "plain");
    expect(buffer.log).toEqual(["message 0x41", "message 0x41", "message 0x41", "text 5", "text 5"]);
  });

  test("with its own mask and one compression, also if it is large", async () => {
    const buffer = recorded(false);
    const compressor = new MessageCompressor(settings, alone);
    const large = new SharedMessage(outgoing("\u20ac text".repeat(20_000)));
    addMessage(buffer, await large.compressLater(compressor, { isWanted: true }), compressor);
    expect(buffer.log).toEqual(["message 0x41"]);
  });

  test("and the history is forgotten when its peer gets something that was compressed by itself", () => {
    const pool = new DeflatePool(2, settings);
    const compressor = new MessageCompressor({ ...settings, pool: 2 }, alone, pool);
    for (const [i, message] of [
      new SharedMessage(outgoing(TEXT)),
      { ...outgoing(utf8("done")), compression: Compression.done },
    ].entries()) {
      addMessage(recorded(), outgoing(`${TEXT} of its own ${i}`), compressor);
      expect(pool.used).toBe(1);
      addMessage(recorded(), message, compressor);
      expect(pool.used).toBe(0);
    }
  });
});
