import { expect, test } from "vitest";
import { MAX_PARTIAL_FRAME, copyShort, keepPartialFrame, reusePartialFrame } from "../../src/protocol/partial-frame.ts";
import { fill, hex, toHex } from "../support/bytes.ts";

const bytes = hex("00 01 02 03");

test("a partial frame has space for the longest control frame: fourteen bytes of header and 125 of payload", () => {
  expect(MAX_PARTIAL_FRAME).toBe(139);
  expect(keepPartialFrame(bytes, 0, 4).bytes).toHaveLength(139);
});

test("the beginning of a frame is copied", () => {
  const partial = keepPartialFrame(bytes, 1, 3);
  expect([toHex(partial.bytes.subarray(0, partial.size)), partial.size]).toEqual(["0102", 2]);
});

test("memory that is reused is given to one reader only", () => {
  const one = keepPartialFrame(bytes, 0, 4);
  const other = keepPartialFrame(bytes, 0, 4);
  expect(one.bytes.buffer).not.toBe(other.bytes.buffer);
  reusePartialFrame(one);
  expect(keepPartialFrame(bytes, 0, 4)).toBe(one);
  expect(keepPartialFrame(bytes, 0, 4)).not.toBe(one);
});

test("at most 64 pieces of memory are kept for reuse", () => {
  const many = Array.from({ length: 200 }, () => keepPartialFrame(bytes, 0, 4));
  for (const partial of many) reusePartialFrame(partial);
  const again = Array.from({ length: 200 }, () => keepPartialFrame(bytes, 0, 4));
  expect(again.filter((partial) => many.includes(partial))).toHaveLength(64);
});

test("a short copy changes nothing beside it", () => {
  const to = fill(0xee, 6);
  copyShort(hex("00 01 02 03 04"), 1, 4, to, 2);
  expect(toHex(to)).toBe("eeee010203ee");
  copyShort(hex("00"), 1, 1, to, 0);
  expect(toHex(to)).toBe("eeee010203ee");
});
