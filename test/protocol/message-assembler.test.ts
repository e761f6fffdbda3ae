import { describe, expect, test } from "vitest";
import { MessageAssembler } from "../../src/protocol/message-assembler.ts";
import { MessageBuffer } from "../../src/protocol/message-buffer.ts";
import { ReaderRules } from "../../src/protocol/reader-rules.ts";
import { fill, hex, toHex, utf8 } from "../support/bytes.ts";

const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
const rules = new ReaderRules({ role: "server", maxMessageSize: 1000 });

function content(incoming: MessageAssembler): string {
  if (!(incoming.body instanceof MessageBuffer)) throw new Error("not gathered");
  return toHex(incoming.body.bytes.subarray(0, incoming.waitingBytes));
}

describe("a message that comes in pieces", () => {
  test("is complete when all of its last frame has come", () => {
    const incoming = new MessageAssembler(BINARY, new MessageBuffer(true));
    expect(incoming.beginFrame(rules, BINARY, false, 2, 0)).toBeUndefined();
    expect(incoming.append(rules, hex("01 02"), 0, 2)).toBe(true);
    expect([incoming.remaining, incoming.isComplete]).toEqual([0, false]);
    expect(incoming.beginFrame(rules, CONTINUATION, true, 2, 0)).toBeUndefined();
    expect(incoming.append(rules, hex("ff 03 ff"), 1, 2)).toBe(true);
    expect([incoming.remaining, incoming.isComplete]).toEqual([1, false]);
    expect(incoming.append(rules, hex("04"), 0, 1)).toBe(true);
    expect([incoming.remaining, incoming.isComplete]).toEqual([0, true]);
    expect(content(incoming)).toBe("01020304");
  });

  test.each([TEXT, BINARY] as const)("is unmasked with the key rotated from piece to piece (opcode %d)", (opcode) => {
    const incoming = new MessageAssembler(opcode, new MessageBuffer(false));
    incoming.beginFrame(rules, opcode, true, 5, 0x04030201);
    incoming.append(rules, hex("61 60"), 0, 2);
    incoming.append(rules, hex("63 64 61"), 0, 3);
    expect(content(incoming)).toBe("6062606060");
  });

  test("reports whether a text is ASCII, and never reports bytes as ASCII", () => {
    for (const [opcode, text, ascii] of [
      [TEXT, "ab", true],
      [TEXT, "é", false],
      [BINARY, "ab", false],
    ] as const) {
      const incoming = new MessageAssembler(opcode, new MessageBuffer(false));
      const bytes = utf8(text);
      incoming.beginFrame(rules, opcode, true, bytes.length, 0);
      expect(incoming.append(rules, bytes, 0, bytes.length)).toBe(true);
      expect(incoming.ascii).toBe(ascii);
    }
  });
});

describe("the limits of a message that comes in pieces", () => {
  test("its size is refused with the frame's length, before a byte has come", () => {
    expect(new MessageAssembler(BINARY, new MessageBuffer(false)).beginFrame(rules, BINARY, true, 1001, 0)).toBe(
      "HWS_MESSAGE_TOO_BIG",
    );
    const incoming = new MessageAssembler(BINARY, new MessageBuffer(true));
    incoming.beginFrame(rules, BINARY, false, 600, 0);
    incoming.append(rules, fill(1, 600), 0, 600);
    expect(incoming.beginFrame(rules, CONTINUATION, true, 400, 0)).toBeUndefined();
    expect(incoming.beginFrame(rules, CONTINUATION, true, 401, 0)).toBe("HWS_MESSAGE_TOO_BIG");
  });

  test("its fragments are 16,384 at most, even empty ones", () => {
    const incoming = new MessageAssembler(TEXT, new MessageBuffer(true));
    for (let i = 0; i < 16_384; i++)
      expect(incoming.beginFrame(rules, i === 0 ? TEXT : CONTINUATION, false, 0, 0)).toBe(undefined);
    expect(incoming.beginFrame(rules, CONTINUATION, true, 0, 0)).toBe("HWS_TOO_MANY_FRAGMENTS");
  });

  test("a text fails at its first bad byte, or when it ends in the middle of a character", () => {
    const bad = new MessageAssembler(TEXT, new MessageBuffer(false));
    bad.beginFrame(rules, TEXT, true, 100, 0);
    expect(bad.append(rules, hex("61 ff"), 0, 2)).toBe(false);
    const cut = new MessageAssembler(TEXT, new MessageBuffer(false));
    cut.beginFrame(rules, TEXT, true, 2, 0);
    expect(cut.append(rules, hex("61 c3"), 0, 1)).toBe(true);
    expect(cut.append(rules, hex("61 c3"), 1, 2)).toBe(false);
  });
});
