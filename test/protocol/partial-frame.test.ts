import { expect, test } from "vitest";
import {
  MAX_PARTIAL_FRAME,
  copyShort,
  returnPartialFrame,
  takePartialFrame,
} from "../../src/protocol/partial-frame.ts";
import { fill, hex, toHex } from "../support/bytes.ts";

test("it holds the longest control frame: fourteen bytes of header and 125 of payload", () => {
  expect(MAX_PARTIAL_FRAME).toBe(139);
  expect(takePartialFrame()).toHaveLength(139);
});

test("released memory is used again, and memory in use is never taken twice", () => {
  const one = takePartialFrame();
  const other = takePartialFrame();
  expect(one.buffer).not.toBe(other.buffer);
  returnPartialFrame(one);
  expect(takePartialFrame()).toBe(one);
});

test("at most 64 pieces of memory are kept for reuse", () => {
  const many = Array.from({ length: 200 }, () => takePartialFrame());
  for (const carry of many) returnPartialFrame(carry);
  const again = Array.from({ length: 200 }, () => takePartialFrame());
  expect(again.filter((carry) => many.includes(carry))).toHaveLength(64);
});

test("a few bytes are copied to their place, and nothing beside them changes", () => {
  const to = fill(0xee, 6);
  copyShort(hex("00 01 02 03 04"), 1, 4, to, 2);
  expect(toHex(to)).toBe("eeee010203ee");
  copyShort(hex("00"), 1, 1, to, 0);
  expect(toHex(to)).toBe("eeee010203ee");
});
