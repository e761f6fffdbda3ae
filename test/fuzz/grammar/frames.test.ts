import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../../fuzz/engine/random.ts";
import { frameOf, parseFrames, withPayload, writeFrame, writeFrames } from "../../../fuzz/grammar/frames.ts";
import { anyFrame, mutateStream, simplerStreams } from "../../../fuzz/grammar/mutate-frames.ts";
import { asClient, encode } from "../../support/frames.ts";
import { seed } from "../../support/fuzz.ts";

const key = Buffer.from([1, 2, 3, 4]);

describe("a stream of frames", () => {
  test("is read and written unchanged, with any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const stream = Buffer.from(bytes);
        expect(writeFrames(parseFrames(stream)).equals(stream)).toBe(true);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test.each([0, 5, 125, 126, 65_535, 65_536])("holds a frame of %i bytes, as RFC 6455 has it", (length) => {
    const payload = Buffer.alloc(length, 0x61);
    expect(writeFrame(frameOf(0x82, payload)).equals(encode({ opcode: 2, payload }))).toBe(true);
    const masked = asClient(encode({ opcode: 2, payload }), [1, 2, 3, 4]);
    expect(writeFrame(frameOf(0x82, payload, key)).equals(masked)).toBe(true);
    const [frame] = parseFrames(Buffer.from(masked)).frames;
    expect(frame!.payload.equals(payload)).toBe(true);
  });

  test("that is cut off has a frame whose length is more than its bytes", () => {
    const { frames, rest } = parseFrames(Buffer.from("8105486581", "hex"));
    expect(frames.map(({ claimed, payload }) => [claimed, payload.toString("latin1")])).toEqual([[5n, "He\x81"]]);
    expect(rest).toHaveLength(0);
    expect(parseFrames(Buffer.from("81", "hex")).rest).toHaveLength(1);
  });

  test("keeps a length that is not minimal, and one of 2^64 - 1", () => {
    for (const digits of ["827e000161", "827fffffffffffffffff61"]) {
      const stream = Buffer.from(digits, "hex");
      expect(writeFrames(parseFrames(stream)).equals(stream)).toBe(true);
    }
  });
});

test("another payload has another length", () => {
  const frame = withPayload(frameOf(0x81, Buffer.from("a")), Buffer.alloc(200));
  expect([frame.form, frame.claimed]).toEqual([2, 200n]);
});

test("a mutation of a stream has whole frames in it, most often", () => {
  const random = new Random(1);
  const stream = writeFrame(frameOf(0x81, Buffer.from("hello"), key));
  const mutations = Array.from({ length: 300 }, () => mutateStream(stream, random, stream));
  const whole = mutations.filter((one) =>
    parseFrames(one).frames.some(({ claimed, payload }) => claimed === BigInt(payload.length)),
  );
  expect(mutations.filter((one) => one.equals(stream)).length).toBeLessThan(60);
  expect(whole.length).toBeGreaterThan(200);
});

test("a stream without a frame gets one", () => {
  expect(parseFrames(mutateStream(Buffer.alloc(0), new Random(1), Buffer.alloc(0))).frames).toHaveLength(1);
});

test("generated frames have all defined opcodes, masked as requested", () => {
  const random = new Random(2);
  const frames = Array.from({ length: 300 }, () => anyFrame(random, key));
  expect(new Set(frames.map(({ first }) => first & 15))).toEqual(new Set([0, 1, 2, 8, 9, 10]));
  expect(frames.every((frame) => frame.key === key)).toBe(true);
});

test("simpler streams have a frame less, or a shorter payload, or no mask", () => {
  const stream = Buffer.concat([
    writeFrame(frameOf(0x81, Buffer.from("abcd"), key)),
    Buffer.from("8900", "hex"),
    Buffer.from([1]),
  ]);
  const simpler = [...simplerStreams(stream)];
  expect(
    simpler.every((one) => one.length < stream.length || parseFrames(one).frames[0]!.key!.equals(Buffer.alloc(4))),
  ).toBe(true);
  expect(simpler.map((one) => parseFrames(one).frames.length)).toEqual([2, 1, 1, 2, 2]);
});
