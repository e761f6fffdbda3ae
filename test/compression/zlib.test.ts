import { constants, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeflateSettings } from "../../src/compression/settings.ts";
import {
  createDeflater,
  deflateLater,
  inflateLater,
  setZlibWay,
  sharedInflater,
  zlibWay,
} from "../../src/compression/zlib.ts";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { FLUSH, hex, json, noise, readBack } from "./samples.ts";

const SETTINGS: DeflateSettings = { level: 6, memLevel: 5, windowBits: 12 };
const MIB = 1024 * 1024;

afterEach(() => {
  setZlibWay(undefined);
});

function deflated(message: Bytes, settings = SETTINGS): Bytes {
  return createDeflater(settings).deflate(message, 0, message.length);
}

/** The message as a string of Latin-1, or the code of the error. */
function inflated(payload: Bytes, maxSize = MIB): string {
  const message = sharedInflater.inflate(payload, 0, payload.length, maxSize);
  return typeof message === "string" ? message : message.latin1Slice(0, message.length);
}

test("a kept handle is used on the versions of Node that the tests run on", () => {
  expect(zlibWay()).toBe("kept");
});

describe.each(["kept", "one-shot"] as const)("by the way %s, a deflater", (way) => {
  beforeEach(() => {
    setZlibWay(way);
  });

  const every: DeflateSettings[] = [];
  for (const level of [0, 1, 2, 4, 6, 9])
    for (const memLevel of [1, 5, 9]) for (const windowBits of [9, 12, 15]) every.push({ level, memLevel, windowBits });

  test.each(every)("makes what zlib makes, with level $level, memLevel $memLevel, window $windowBits", (settings) => {
    const deflater = createDeflater(settings);
    const messages = [json(1024), json(70_000), noise(1), noise(1000), noise(70_000), asBytes(Buffer.alloc(100_000))];
    for (const message of messages) {
      const options = { ...settings, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 4 * message.length + 1024 };
      const blocks = Buffer.from(deflater.deflate(message, 0, message.length));
      deflater.reset();
      expect(Buffer.concat([blocks, FLUSH]).equals(deflateRawSync(message, options))).toBe(true);
      expect(readBack(blocks).equals(message)).toBe(true);
    }
  });

  // shows 7692-7.2.1-4
  test("never ends the data: no block has BFINAL set", () => {
    for (const message of [json(1024), noise(1000), asBytes(Buffer.alloc(0))])
      expect(() => inflateRawSync(Buffer.concat([deflated(message), FLUSH]))).toThrow("unexpected end of file");
  });

  test("compresses incompressible messages of every size up to 2 KiB, which become larger", () => {
    const deflater = createDeflater({ level: 6, memLevel: 1, windowBits: 9 });
    const message = noise(2048);
    for (let size = 1; size <= message.length; size += 3) {
      const blocks = deflater.deflate(message, 0, size);
      deflater.reset();
      expect(blocks.length).toBeGreaterThan(size);
      expect(readBack(blocks).equals(message.subarray(0, size))).toBe(true);
    }
  });

  test("compresses a part of the memory that it gets", () => {
    const message = json(1024);
    expect(readBack(createDeflater(SETTINGS).deflate(message, 100, 300)).equals(message.subarray(100, 300))).toBe(true);
  });

  test("makes one empty block of an empty message, each time (RFC 7692 7.2.3.6)", () => {
    const deflater = createDeflater(SETTINGS);
    const message = json(100);
    for (let i = 0; i < 3; i++) expect([...deflater.deflate(message, 7, 7)]).toEqual([0]);
    expect(readBack(deflater.deflate(message, 0, 100)).equals(message)).toBe(true);
    expect([...deflater.deflate(message, 100, 100)]).toEqual([0]);
  });

  test("compresses the first message after reset() as a new deflater does", () => {
    const deflater = createDeflater(SETTINGS);
    const message = json(1024);
    const first = Buffer.from(deflater.deflate(message, 0, message.length));
    deflater.deflate(json(5000), 0, 5000);
    deflater.reset();
    expect(first.equals(deflater.deflate(message, 0, message.length))).toBe(true);
  });

  // shows 7692-7.2.1-5
  test("makes what a receiver with a window reads on and on", () => {
    const receiver = createInflateRaw();
    const deflater = createDeflater(SETTINGS);
    const read: Buffer[] = [];
    receiver.on("data", (chunk: Buffer) => read.push(chunk));
    const sent: Buffer[] = [];
    for (let i = 0; i < 20; i++) {
      const message = i % 5 === 4 ? noise(3000) : json(100 + 300 * i);
      sent.push(message as unknown as Buffer);
      receiver.write(Buffer.from(deflater.deflate(message, 0, message.length)));
      receiver.write(FLUSH);
      // A sender may forget its window at any message.
      if (i === 11) deflater.reset();
    }
    return new Promise<void>((resolve) => {
      receiver.flush(() => {
        expect(Buffer.concat(read).equals(Buffer.concat(sent))).toBe(true);
        resolve();
      });
    });
  });

  test("can be closed, before and after its first message", () => {
    const deflater = createDeflater(SETTINGS);
    deflater.close();
    deflater.deflate(json(100), 0, 100);
    deflater.close();
    deflater.close();
    expect(zlibWay()).toBe(way);
  });

  test("does not keep the memory for a large message", () => {
    const deflater = createDeflater(SETTINGS);
    expect(readBack(deflater.deflate(noise(MIB), 0, MIB)).length).toBe(MIB);
    deflater.reset();
    // At most the memory that Node shares for small buffers.
    expect(deflater.deflate(json(100), 0, 100).buffer.byteLength).toBeLessThan(70_000);
  });

  test("refuses memory that was transferred, with an error", () => {
    const memory = Buffer.from(new ArrayBuffer(100));
    structuredClone(memory.buffer, { transfer: [memory.buffer] });
    const deflater = createDeflater(SETTINGS);
    expect(() => deflater.deflate(asBytes(memory), 0, 100)).toThrow(
      expect.objectContaining({ code: "HWS_SEND_FAILED" }) as Error,
    );
    expect(readBack(deflater.deflate(json(100), 0, 100)).length).toBe(100);
  });
});

describe("with a kept handle, a deflater", () => {
  test("uses the history until reset()", () => {
    const deflater = createDeflater(SETTINGS);
    const message = json(1024);
    const first = deflater.deflate(message, 0, message.length).length;
    expect(deflater.deflate(message, 0, message.length).length).toBeLessThan(first / 4);
    deflater.reset();
    expect(deflater.deflate(message, 0, message.length).length).toBe(first);
  });

  test("uses the same memory again", () => {
    const deflater = createDeflater(SETTINGS);
    const { buffer } = deflater.deflate(json(1024), 0, 1024);
    expect(deflater.deflate(json(512), 0, 512).buffer).toBe(buffer);
  });

  test("keeps no more memory than it may", () => {
    const deflater = createDeflater(SETTINGS, 1024);
    deflater.deflate(noise(5000), 0, 5000);
    expect(deflater.deflate(json(100), 0, 100).buffer.byteLength).toBeLessThan(1024);
  });
});

/** RFC 7692 7.2.3: its examples, all of which are "Hello". */
const EXAMPLES: [string, string][] = [
  ["one block (7.2.3.1)", "f2 48 cd c9 c9 07 00"],
  ["a block without compression (7.2.3.3)", "00 05 00 fa ff 48 65 6c 6c 6f 00"],
  ["a block with BFINAL set (7.2.3.4)", "f3 48 cd c9 c9 07 00 00"],
  ["two blocks (7.2.3.5)", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
];

/** More forms that a sender may choose, or does. */
const FORMS: [string, string][] = [
  ["with BFINAL set, and nothing after it", "f3 48 cd c9 c9 07 00"],
  ["in two parts, each with BFINAL set", "01 02 00 fd ff 48 65 01 03 00 fc ff 6c 6c 6f 00"],
  ["in two parts, of which only the first has BFINAL set", "01 02 00 fd ff 48 65 00 03 00 fc ff 6c 6c 6f 00"],
  ["and empty blocks", "f2 48 cd c9 c9 07 00 00 00 ff ff 00 00 00 ff ff 00"],
  ["after an empty part with BFINAL set", "03 00 f2 48 cd c9 c9 07 00"],
  ["and the four bytes that should have been removed", "f2 48 cd c9 c9 07 00 00 00 ff ff"],
];

describe.each(["kept", "one-shot"] as const)("by the way %s, the inflater", (way) => {
  beforeEach(() => {
    setZlibWay(way);
  });

  test.each(EXAMPLES)("reads the RFC's example: %s", (_name, payload) => {
    expect(inflated(hex(payload))).toBe("Hello");
  });

  // shows 7692-7.2.2-2
  test.each(FORMS)("reads a message %s", (_name, payload) => {
    expect(inflated(hex(payload))).toBe("Hello");
  });

  test.each([
    ["no bytes", ""],
    ["an empty block (RFC 7692 7.2.3.6)", "00"],
    ["an empty block with a fixed code", "02 00"],
    ["an empty block with BFINAL set", "03 00"],
  ])("reads an empty message: %s", (_name, payload) => {
    expect(inflated(hex(payload))).toBe("");
  });

  test("reads each message by itself: nothing of one is left for the next", () => {
    const deflater = createDeflater(SETTINGS);
    const message = json(1024);
    deflater.deflate(message, 0, message.length);
    const second = Buffer.from(deflater.deflate(message, 0, message.length));
    // Only a kept handle has a history that the second message refers to.
    const expected = way === "kept" ? "HWS_INVALID_COMPRESSION" : message.latin1Slice(0, message.length);
    expect(inflated(asBytes(second))).toBe(expected);
  });

  test("reads messages of many sizes, up to the limit and not one byte more", () => {
    for (const size of [1, 63, 64, 16_383, 16_384, 16_385, 65_536, 262_143, 262_144, 262_145, MIB]) {
      for (const message of [noise(size), json(size), asBytes(Buffer.alloc(size))]) {
        const payload = deflated(message);
        const read = sharedInflater.inflate(payload, 0, payload.length, size);
        expect(typeof read !== "string" && Buffer.from(message).equals(read)).toBe(true);
        expect(sharedInflater.inflate(payload, 0, payload.length, size - 1)).toBe("HWS_MESSAGE_TOO_BIG");
      }
    }
  });

  test("reads only the range it is given, and changes nothing after it", () => {
    const payload = hex("aa aa f2 48 cd c9 c9 07 00 bb bb bb bb");
    const before = Buffer.from(payload);
    const message = sharedInflater.inflate(payload, 2, 9, 100);
    expect(Buffer.from(message as Bytes).toString()).toBe("Hello");
    expect(before.equals(payload)).toBe(true);
  });

  test("reports a message that ends early, wherever it was cut", () => {
    for (const message of [json(300), json(10)]) {
      const payload = Buffer.from(deflated(message));
      for (let end = 1; end < payload.length; end++)
        expect(inflated(asBytes(payload.subarray(0, end)))).toBe("HWS_INVALID_COMPRESSION");
      expect(inflated(asBytes(payload))).toBe(message.latin1Slice(0, message.length));
    }
  });

  test.each([
    ["an unknown kind of block", "07 07 07"],
    ["a distance before the message", "02 02 00 00"],
    ["a length that does not match its complement", "00 05 00 00 00 48 65 6c 6c 6f 00"],
    ["text", Buffer.from("Hello, world").toString("hex")],
    ["noise after a block with BFINAL set", "f3 48 cd c9 c9 07 00 ff ff ff"],
    ["a part after BFINAL that ends early", "f3 48 cd c9 c9 07 00 f2 48"],
  ])("reports data that is not DEFLATE: %s", (_name, payload) => {
    expect(inflated(hex(payload))).toBe("HWS_INVALID_COMPRESSION");
    expect(inflated(hex("f2 48 cd c9 c9 07 00"))).toBe("Hello");
  });

  test("reads four parts with BFINAL set before the last, and no more", () => {
    expect(inflated(hex(`${"03 00".repeat(4)} f2 48 cd c9 c9 07 00`))).toBe("Hello");
    expect(inflated(hex(`${"03 00".repeat(5)} f2 48 cd c9 c9 07 00`))).toBe("HWS_INVALID_COMPRESSION");
  });

  test("counts all parts of a message against its limit", () => {
    const part = hex("01 05 00 fa ff 48 65 6c 6c 6f");
    const payload = asBytes(Buffer.concat([part, part, part]));
    expect(inflated(payload, 15)).toBe("HelloHelloHello");
    for (const max of [0, 4, 5, 9, 10, 14]) expect(inflated(payload, max)).toBe("HWS_MESSAGE_TOO_BIG");
  });

  test("stops a bomb at the limit, before more memory is reserved", () => {
    const bomb = Buffer.from(deflated(asBytes(Buffer.alloc(50 * MIB)), { level: 9, memLevel: 9, windowBits: 15 }));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 3; i++) expect(inflated(asBytes(bomb), 100_000)).toBe("HWS_MESSAGE_TOO_BIG");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * MIB);
    expect(inflated(hex("f2 48 cd c9 c9 07 00"))).toBe("Hello");
  });

  test("has no limit if there is none", () => {
    expect(inflated(deflated(asBytes(Buffer.alloc(3 * MIB))), Infinity).length).toBe(3 * MIB);
  });

  test("gives the memory of a large message back", () => {
    expect(inflated(deflated(asBytes(Buffer.alloc(300_000)))).length).toBe(300_000);
    const payload = deflated(json(100));
    const message = sharedInflater.inflate(payload, 0, payload.length, MIB) as Bytes;
    expect(message.buffer.byteLength).toBeLessThan(70_000);
  });

  test("refuses memory that was transferred, with an error", () => {
    const memory = Buffer.from(new ArrayBuffer(100));
    structuredClone(memory.buffer, { transfer: [memory.buffer] });
    expect(() => sharedInflater.inflate(asBytes(memory), 0, 100, MIB)).toThrow(
      expect.objectContaining({ code: "HWS_MEMORY_TRANSFERRED" }) as Error,
    );
  });
});

/** Found by the fuzzer: both end inside a block that has BFINAL set. */
const FOUND = ["fb71f6e4", "0dc1310900201005d083ab62af4b610027418b1ddc04031c3a3999401007bfbec77496"];

// The bytes after the payload completed a block that it left open.
test("a message is not completed by bytes that are not in the payload", () => {
  expect(inflated(hex("000900f6ff48656c6c6f"))).toBe("HWS_INVALID_COMPRESSION");
  for (const way of ["kept", "one-shot"] as const) {
    setZlibWay(way);
    for (const payload of FOUND) expect(inflated(hex(payload))).toBe("HWS_INVALID_COMPRESSION");
  }
});

test("the inflater uses the same memory again, also after messages that it refused", () => {
  const read = (): unknown => {
    const payload = deflated(json(1000));
    return (sharedInflater.inflate(payload, 0, payload.length, MIB) as Bytes).buffer;
  };
  const memory = read();
  expect(inflated(hex("07 07"))).toBe("HWS_INVALID_COMPRESSION");
  expect(inflated(deflated(json(1000)), 10)).toBe("HWS_MESSAGE_TOO_BIG");
  expect(read()).toBe(memory);
});

describe("the thread pool", () => {
  test("compresses and decompresses as the deflater and the inflater do", async () => {
    for (const message of [json(100_000), noise(100_000), asBytes(Buffer.alloc(3 * MIB)), asBytes(Buffer.alloc(0))]) {
      const blocks = (await deflateLater(() => message, SETTINGS))!;
      expect(readBack(blocks).equals(message)).toBe(true);
      const read = (await inflateLater(blocks, message.length))!;
      expect(typeof read !== "string" && Buffer.from(message).equals(read)).toBe(true);
    }
  });

  test("reports the same errors", async () => {
    const blocks = (await deflateLater(() => json(100_000), SETTINGS))!;
    expect(await inflateLater(blocks, 99_999)).toBe("HWS_MESSAGE_TOO_BIG");
    expect(await inflateLater(blocks.subarray(0, blocks.length - 1), MIB)).toBe("HWS_INVALID_COMPRESSION");
    expect(await inflateLater(hex("07 07 07"), MIB)).toBe("HWS_INVALID_COMPRESSION");
  });

  test("returns memory that is not much larger than the result", async () => {
    const blocks = (await deflateLater(() => asBytes(Buffer.alloc(100_000)), SETTINGS))!;
    const read = (await inflateLater(blocks, MIB)) as Bytes;
    for (const bytes of [blocks, read]) expect(bytes.buffer.byteLength).toBeLessThanOrEqual(2 * bytes.length);
  });

  test("compresses a message although many wait to be decompressed", async () => {
    const blocks = (await deflateLater(() => noise(100_000), SETTINGS))!;
    let decompressed = 0;
    const received = Array.from({ length: 20 }, () => inflateLater(blocks, MIB).then(() => decompressed++));
    let started = -1;
    await deflateLater(() => {
      started = decompressed;
      return json(70_000);
    }, SETTINGS);
    expect(started).toBe(0);
    await Promise.all(received);
  });

  test("does nothing for a message that is not wanted any more when its turn comes", async () => {
    const message = json(70_000);
    const blocks = (await deflateLater(() => message, SETTINGS))!;
    let isWanted = true;
    let read = 0;
    const bytesOf = (): Bytes => (read++, message);
    const sent = [1, 2, 3].map(() => deflateLater(bytesOf, SETTINGS, () => isWanted));
    const received = [1, 2, 3].map(() => inflateLater(blocks, MIB, () => isWanted));
    isWanted = false;
    const results = await Promise.all([...sent, ...received]);
    expect(results.map((result) => result === undefined)).toEqual([false, true, true, false, true, true]);
    // The memory of a message is not read before its turn either.
    expect(read).toBe(1);
  });

  test("settles jobs in the order in which they were started, if they are alike", async () => {
    const settled: number[] = [];
    const message = json(100_000);
    const started = Array.from({ length: 8 }, async (_, i) => {
      await deflateLater(() => message, SETTINGS);
      settled.push(i);
    });
    await Promise.all(started);
    expect(settled).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});
