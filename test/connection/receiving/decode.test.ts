import { constants } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { DataType } from "../../../src/connection/receiving/decode.ts";
import { decoders } from "../../support/decoders.ts";
import { HawserError, ProtocolError } from "../../../src/errors/errors.ts";
import { errorTable } from "../../../src/errors/table.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { hex, join, utf8 } from "../../support/bytes.ts";

const TEXT = 1;
const BINARY = 2;

/** Decodes a message in the middle of a chunk. */
function decode(dataType: DataType, opcode: 1 | 2, message: Bytes): unknown {
  const chunk = join([hex("ff ff ff"), message, hex("ff ff")]);
  const ascii = message.every((byte) => byte < 0x80);
  const { bytes, parse } = decoders[dataType];
  const received = bytes(opcode, chunk, 3, 3 + message.length, ascii);
  return parse === undefined ? received : parse(received as string);
}

function errorOf(decoding: () => unknown): unknown {
  try {
    return { decoded: decoding() };
  } catch (error) {
    return error;
  }
}

describe("dataType text", () => {
  test.each(["", "hello", "à bientôt €", "😀", "\u0000", "\ufeffwith a byte order mark"])(
    "makes the string %j of a text and of a binary message",
    (text) => {
      expect(decode("text", TEXT, utf8(text))).toBe(text);
      expect(decode("text", BINARY, utf8(text))).toBe(text);
    },
  );

  test.each(["ff", "c0 af", "ed a0 80", "e2 82", "61 f5 80 80 80"])(
    "refuses the binary message %s, which is not UTF-8, with 1007",
    (digits) => {
      const error = errorOf(() => decode("text", BINARY, hex(digits)));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ code: "HWS_INVALID_UTF8", closeCode: 1007 });
    },
  );
});

describe("dataType blob", () => {
  test.each([TEXT, BINARY] as const)("makes a Buffer of the bytes, whatever the opcode: %d", (opcode) => {
    const data = decode("blob", opcode, hex("00 e2 82 ac ff"));
    expect(Buffer.isBuffer(data)).toBe(true);
    expect(data).toEqual(hex("00 e2 82 ac ff"));
  });

  test("copies nothing: the data is a view of the chunk", () => {
    const chunk = utf8("..hello..");
    expect((decoders.blob.bytes(BINARY, chunk, 2, 7, true) as Uint8Array).buffer).toBe(chunk.buffer);
  });

  test("makes an empty Buffer of an empty message", () => {
    expect(decode("blob", BINARY, hex(""))).toEqual(hex(""));
  });
});

describe("dataType object", () => {
  test.each([TEXT, BINARY] as const)("gives the result of JSON.parse for a message with opcode %d", (opcode) => {
    expect(decode("object", opcode, utf8('{"a":[1,"€",null]}'))).toEqual({ a: [1, "€", null] });
    expect(decode("object", opcode, utf8(" 7 "))).toBe(7);
    expect(decode("object", opcode, utf8("null"))).toBeNull();
  });

  test.each(["", "{", "undefined", "{'a':1}", "{} {}", "\ufeff\ufeff{}"])("refuses %j, which is not JSON", (text) => {
    const error = errorOf(() => decode("object", TEXT, utf8(text)));
    expect(error).toBeInstanceOf(HawserError);
    expect(error).toMatchObject({ code: "HWS_INVALID_JSON", cause: expect.any(SyntaxError) as unknown });
    expect(errorTable.HWS_INVALID_JSON.closeCode).toBe(1007);
  });

  test("refuses a binary message that is not UTF-8 before it parses the JSON", () => {
    expect(errorOf(() => decode("object", BINARY, hex("22 ff 22")))).toMatchObject({ code: "HWS_INVALID_UTF8" });
  });

  test("gives a key __proto__ as JSON.parse does: it changes no prototype", () => {
    const data = decode("object", TEXT, utf8('{"__proto__":{"admin":true}}')) as Record<string, unknown>;
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(data["admin"]).toBeUndefined();
  });
});

describe("dataType auto", () => {
  test("makes a string of a text message and a Buffer of a binary one", () => {
    expect(decode("auto", TEXT, utf8("à"))).toBe("à");
    expect(decode("auto", BINARY, hex("c3"))).toEqual(hex("c3"));
  });
});

describe("a message that is longer than any string", () => {
  // No such bytes are needed: only the length counts.
  test.each(["text", "object"] as const)(
    "is refused with 1009 under dataType %s, and throws nothing else",
    (dataType) => {
      for (const ascii of [true, false]) {
        const error = errorOf(() =>
          decoders[dataType].bytes(TEXT, utf8("x"), 0, constants.MAX_STRING_LENGTH + 1, ascii),
        );
        expect(error).toBeInstanceOf(ProtocolError);
        expect(error).toMatchObject({ code: "HWS_MESSAGE_TOO_BIG", closeCode: 1009 });
      }
    },
  );
});
