import { expect, test } from "vitest";
import { MAX_CARRY, copyFew, giveBack, takeCarry } from "../../src/protocol/carry.ts";
import { fill, hex, toHex } from "../support/bytes.ts";

test("a carry has room for the longest control frame: fourteen bytes of header and 125 of payload", () => {
  expect(MAX_CARRY).toBe(139);
  expect(takeCarry()).toHaveLength(139);
});

test("what is given back is taken again, and what is not is never taken twice", () => {
  const one = takeCarry();
  const other = takeCarry();
  expect(one.buffer).not.toBe(other.buffer);
  giveBack(one);
  expect(takeCarry()).toBe(one);
});

test("no more than 64 pieces of memory wait", () => {
  const many = Array.from({ length: 200 }, () => takeCarry());
  for (const carry of many) giveBack(carry);
  const again = Array.from({ length: 200 }, () => takeCarry());
  expect(again.filter((carry) => many.includes(carry))).toHaveLength(64);
});

test("few bytes are copied where they belong, and nothing beside them", () => {
  const to = fill(0xee, 6);
  copyFew(hex("00 01 02 03 04"), 1, 4, to, 2);
  expect(toHex(to)).toBe("eeee010203ee");
  copyFew(hex("00"), 1, 1, to, 0);
  expect(toHex(to)).toBe("eeee010203ee");
});
