import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMessage } from "../../../src/client/browser/decode.ts";

const limits = { maxJsonDepth: 3, maxJsonValues: 10 };

function bytes(text: string): ArrayBuffer {
  return new TextEncoder().encode(text).buffer;
}

test.each([
  ["text", "é", "é"],
  ["text", bytes("\uFEFFé"), "\uFEFFé"],
  ["blob", "é", new Uint8Array([0xc3, 0xa9])],
  ["blob", bytes("é"), new Uint8Array([0xc3, 0xa9])],
  ["auto", "é", "é"],
  ["auto", bytes("é"), new Uint8Array([0xc3, 0xa9])],
  ["object", '{"a":[1]}', { a: [1] }],
  ["object", bytes('\uFEFF{"a":[1]}'), { a: [1] }],
] as const)("dataType %o makes of %o", (dataType, data, expected) => {
  expect(decodeMessage(data, dataType, limits)).toEqual(expected);
});

test.each([
  ["text", new Uint8Array([0xff]).buffer, "HWS_INVALID_UTF8"],
  ["object", new Uint8Array([0xff]).buffer, "HWS_INVALID_UTF8"],
  ["object", "{", "HWS_INVALID_JSON"],
  ["object", "", "HWS_INVALID_JSON"],
  ["object", "[[[[1]]]]", "HWS_JSON_TOO_DEEP"],
  ["object", "[1,2,3,4,5,6,7,8,9,10]", "HWS_JSON_TOO_BIG"],
] as const)("dataType %o refuses %o", (dataType, data, code) => {
  expect(() => decodeMessage(data, dataType, limits)).toThrow(expect.objectContaining({ code }));
});

const wide = { maxJsonDepth: Infinity, maxJsonValues: Infinity };

test("no key through which a prototype is reached is left", () => {
  const text = '{"a":{"__proto__":{"x":1},"constructor":{"prototype":{}},"b":1}}';
  expect(Object.getOwnPropertyNames((decodeMessage(text, "object", wide) as { a: object }).a)).toEqual(["b"]);
});

test("any other JSON within the limits is what JSON.parse makes of it", () => {
  fc.assert(
    fc.property(
      fc.json().filter((text) => !text.includes("proto")),
      (text) => {
        expect(decodeMessage(text, "object", wide)).toEqual(JSON.parse(text));
      },
    ),
  );
});
