import { describe, expect, test } from "vitest";
import { Opcode, isControl, isReserved } from "../../src/protocol/opcodes.ts";

describe("opcodes", () => {
  test("are those of RFC 6455 5.2", () => {
    expect(Opcode).toEqual({ continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa });
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("%i is no control frame's", (opcode) => {
    expect(isControl(opcode)).toBe(false);
  });

  test.each([8, 9, 10, 11, 12, 13, 14, 15])("%i is a control frame's", (opcode) => {
    expect(isControl(opcode)).toBe(true);
  });

  test.each([0, 1, 2, 8, 9, 10])("%i has a meaning", (opcode) => {
    expect(isReserved(opcode)).toBe(false);
  });

  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])("%i is reserved", (opcode) => {
    expect(isReserved(opcode)).toBe(true);
  });
});
