import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { acceptKey, isKey } from "../../../src/handshake/rules/key.ts";

describe("acceptKey", () => {
  test("the RFC's sample key gets the RFC's answer", () => {
    expect(acceptKey("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test("the key is hashed as the text it is, not as the bytes it stands for", () => {
    // Both stand for sixteen zero bytes.
    expect(acceptKey("AAAAAAAAAAAAAAAAAAAAAA==")).not.toBe(acceptKey("AAAAAAAAAAAAAAAAAAAAAB=="));
    const expected = createHash("sha1").update("AAAAAAAAAAAAAAAAAAAAAA==258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    expect(acceptKey("AAAAAAAAAAAAAAAAAAAAAA==")).toBe(expected.digest("base64"));
  });
});

describe("isKey", () => {
  test("the base64 of any sixteen bytes is a key", () => {
    for (let byte = 0; byte < 256; byte++) expect(isKey(Buffer.alloc(16, byte).toString("base64"))).toBe(true);
  });

  test("the base64 of any other number of bytes is none", () => {
    const lengths = Array.from({ length: 64 }, (_, length) => length).filter((length) => length !== 16);
    for (const length of lengths) expect(isKey(Buffer.alloc(length, 0xfb).toString("base64"))).toBe(false);
  });

  test.each([
    ["without padding", "dGhlIHNhbXBsZSBub25jZQ"],
    ["with too much padding", "dGhlIHNhbXBsZSBub25jZ==="],
    ["with padding inside", "dGhlIHNhbXBs=SBub25jZQ=="],
    ["of base64url", "dGhlIHNhbXBsZSBub25-_Q=="],
    ["with a line end", "dGhlIHNhbXBsZSBub25jZQ==\n"],
    ["of two lines", "dGhlIHNhbXBsZSBub25jZQ==\ndGhlIHNhbXBsZSBub25jZQ=="],
    ["with a blank before it", " dGhlIHNhbXBsZSBub25jZQ=="],
    ["that came twice", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="],
    ["of the wrong alphabet", "dGhlIHNhbXBsZSBub25j\u00e9Q=="],
  ])("a text %s is none", (_how, key) => {
    expect(isKey(key)).toBe(false);
  });

  test("a long text is refused in one pass", () => {
    expect(isKey("A".repeat(1 << 20))).toBe(false);
  });
});
